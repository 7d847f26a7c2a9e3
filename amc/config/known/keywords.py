"""Which arguments Gymnasium's own environments take: a table, so that no config check loads it.

Read off the constructors of the version below; `tests/config/test_keywords.py` compares the two and
prints what a newer version would change. MuJoCo's constructors pass what they do not know on to
`MujocoEnv`, so its arguments stand here as well. `render_mode`, which all of them take, is left
out: training decides it.
"""

GYMNASIUM_VERSION = "1.4.0"

_TABLE = """
CartPole-v0 CartPole-v1: sutton_barto_reward
MountainCar-v0 MountainCarContinuous-v0: goal_velocity
Pendulum-v1: g
Acrobot-v1:
LunarLander-v3 LunarLanderContinuous-v3:
    continuous gravity enable_wind wind_power turbulence_power
BipedalWalker-v3 BipedalWalkerHardcore-v3: hardcore
CarRacing-v3: verbose lap_complete_percent domain_randomize continuous
Blackjack-v1: natural sab
FrozenLake-v1 FrozenLake8x8-v1: desc map_name is_slippery success_rate reward_schedule
CliffWalking-v1 CliffWalkingSlippery-v1: is_slippery
Taxi-v4: is_rainy fickle_passenger rainy_probability fickle_probability
Reacher-v4 InvertedPendulum-v4 InvertedDoublePendulum-v4 HumanoidStandup-v4: MUJOCO
Reacher-v5: MUJOCO V5 reward_dist_weight reward_control_weight
Pusher-v5: MUJOCO V5 reward_near_weight reward_dist_weight reward_control_weight
InvertedPendulum-v5: MUJOCO V5 reset_noise_scale
InvertedDoublePendulum-v5: MUJOCO V5 healthy_reward reset_noise_scale
HalfCheetah-v4 Swimmer-v4: MUJOCO RUNNER forward_reward_weight
HalfCheetah-v5 Swimmer-v5: MUJOCO V5 RUNNER forward_reward_weight
Hopper-v4: MUJOCO RUNNER HEALTH forward_reward_weight healthy_state_range healthy_angle_range
Hopper-v5: MUJOCO V5 RUNNER HEALTH forward_reward_weight healthy_state_range healthy_angle_range
Walker2d-v4: MUJOCO RUNNER HEALTH forward_reward_weight healthy_angle_range
Walker2d-v5: MUJOCO V5 RUNNER HEALTH forward_reward_weight healthy_angle_range
Ant-v4:
    MUJOCO RUNNER HEALTH xml_file use_contact_forces contact_cost_weight contact_force_range
Ant-v5:
    MUJOCO V5 RUNNER HEALTH forward_reward_weight contact_cost_weight main_body
    contact_force_range include_cfrc_ext_in_observation
Humanoid-v4: MUJOCO RUNNER HEALTH forward_reward_weight
Humanoid-v5:
    MUJOCO V5 RUNNER HEALTH INERTIA forward_reward_weight contact_cost_weight contact_cost_range
HumanoidStandup-v5:
    MUJOCO V5 RUNNER INERTIA uph_cost_weight impact_cost_weight impact_cost_range
"""
_SHARED = {
    "MUJOCO": "width height camera_id camera_name max_geom visual_options",
    "V5": "xml_file frame_skip default_camera_config",
    "RUNNER": "ctrl_cost_weight reset_noise_scale exclude_current_positions_from_observation",
    "HEALTH": "healthy_reward terminate_when_unhealthy healthy_z_range",
    "INERTIA": "include_cinert_in_observation include_cvel_in_observation "
    "include_qfrc_actuator_in_observation include_cfrc_ext_in_observation",
}


def _read(table: str) -> dict[str, frozenset[str] | None]:
    found: dict[str, frozenset[str] | None] = {}
    for line in table.replace("\n    ", " ").strip().splitlines():
        names, _, words = line.partition(":")
        taken = " ".join(_SHARED.get(word, word) for word in words.split())
        found |= dict.fromkeys(names.split(), frozenset(taken.split()))
    return found


_JAX = (
    "phys2d/CartPole-v0 phys2d/CartPole-v1 phys2d/Pendulum-v0 "
    "tabular/Blackjack-v0 tabular/CliffWalking-v0"
)

TAKES: dict[str, frozenset[str] | None] = {**_read(_TABLE), **dict.fromkeys(_JAX.split())}
"""Id to the arguments that its constructor takes; None where that is not known without JAX."""
