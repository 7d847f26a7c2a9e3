"""What TensorBoard's page of custom scalars shows: a chart for each thing one looks for first.

Its door is `layout`. Tags are regular expressions that match from their beginning to their end; a
chart whose tags a run has not (those of the GPU on a CPU) stays empty.
"""

from collections.abc import Mapping, Sequence

from tensorboard.compat.proto.summary_pb2 import Summary
from tensorboard.compat.proto.tensor_pb2 import TensorProto
from tensorboard.compat.proto.types_pb2 import DT_STRING
from tensorboard.plugins.custom_scalar import layout_pb2, metadata

_CHARTS: Mapping[str, Mapping[str, Sequence[str]]] = {
    "Search": {
        "best so far, by the number of trials": ["search/best_mean_score", "search/best_score"],
        "mean score of a round": ["search/round_mean_score"],
        "trials done": ["search/trials_done"],
        "the best one solved its task at step": ["search/best_solved_at"],
        "the winner on test seeds": ["search/test_mean_score"],
    },
    "Episodes": {
        "rewards": ["rollout/ep_rew_mean", "eval/mean_reward"],
        "solved at step": ["eval/solved_at"],
        "lengths": ["rollout/ep_len_mean", "eval/mean_ep_length"],
    },
    "Learning": {
        "policy loss": ["train/policy_gradient_loss", "train/actor_loss"],
        "value loss": ["train/value_loss", "train/critic_loss"],
        "learning rate": ["train/learning_rate"],
        "KL divergence": ["train/approx_kl", "train/kl"],
        "steps per second": ["time/fps"],
    },
    "GPU": {
        "utilization, percent": ["gpu/utilization"],
        "memory, MiB": ["gpu/memory_.*_mb"],
    },
}


def layout() -> Summary:
    """The page's arrangement, as it stands in an event file of any run."""
    page = layout_pb2.Layout(
        category=[
            layout_pb2.Category(
                title=title,
                chart=[
                    layout_pb2.Chart(
                        title=name, multiline=layout_pb2.MultilineChartContent(tag=tags)
                    )
                    for name, tags in charts.items()
                ],
            )
            for title, charts in _CHARTS.items()
        ]
    )
    tensor = TensorProto(dtype=DT_STRING, string_val=[page.SerializeToString()])
    value = Summary.Value(
        tag=metadata.CONFIG_SUMMARY_TAG, metadata=metadata.create_summary_metadata(), tensor=tensor
    )
    return Summary(value=[value])
