"""The algorithms of sb3-contrib by name: TRPO, QR-DQN, TQC, CrossQ; see `recurrent`, too."""

import sb3_contrib

from amc.algorithms.stable_baselines3.rounds import Continuous, OnPolicy, Value
from amc.config.sb3.off_policy import (
    CrossQHyperparameters,
    QRDQNHyperparameters,
    TQCHyperparameters,
)
from amc.config.sb3.on_policy import TRPOHyperparameters


class TRPO(OnPolicy):
    """Trust Region Policy Optimization. Schulman et al. 2015, https://arxiv.org/abs/1502.05477."""

    Hyperparameters = TRPOHyperparameters
    kind = sb3_contrib.TRPO


class QRDQN(Value):
    """Quantile Regression DQN. Dabney et al. 2018, https://arxiv.org/abs/1710.10044."""

    Hyperparameters = QRDQNHyperparameters
    kind = sb3_contrib.QRDQN


class TQC(Continuous):
    """Truncated Quantile Critics. Kuznetsov et al. 2020, https://arxiv.org/abs/2005.04269."""

    Hyperparameters = TQCHyperparameters
    kind = sb3_contrib.TQC


class CrossQ(Continuous):
    """CrossQ. Bhatt et al. 2024, https://arxiv.org/abs/1902.05605."""

    Hyperparameters = CrossQHyperparameters
    kind = sb3_contrib.CrossQ
