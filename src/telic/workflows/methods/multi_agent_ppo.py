"""Several agents at once."""

from .description import Actions, Group, Method, Needs

METHOD = Method(
    name="multi_agent_ppo",
    title="Several agents by PPO, with a critic each or one for all",
    group=Group.REINFORCEMENT,
    needs=(Needs.REWARD,),
    worlds=(
        Needs.SIMULATOR,
        Needs.ENVIRONMENT,
    ),
    actions=(
        Actions.CHOICE,
        Actions.CHOICES,
        Actions.AMOUNTS,
    ),
    when="Several agents act in one world at the same time, for one aim or for their own.",
    when_not="One agent acts (`ppo`), or the game is a table that is solved exactly (`telic.planning.games`).",
    cost="That of `ppo` for each group of agents.",
    home="telic.planning.rl.multi_agent:MultiAgentPpo",
    page="methods/multi-agent.md",
)
