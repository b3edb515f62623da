"""Offline learning through dynamics."""

from .description import Actions, Group, Method, Needs, Setting

METHOD = Method(
    name="model_based",
    title="Offline learning through learned dynamics",
    group=Group.OFFLINE,
    needs=(Needs.RECORD,),
    worlds=(Needs.RECORD,),
    actions=(Actions.CHOICE, Actions.AMOUNTS),
    when="Recorded pieces must be put together in ways that nobody did, and what follows can be predicted.",
    when_not="What follows jumps by chance to places far apart, or an answer is wanted soon: `iql`.",
    cost="Gradient steps of an ensemble, then those of `sac` or `dqn` in it; no world is needed.",
    home="telic.planning.rl.model_based:learn_in_dynamics",
    settings=(
        Setting(
            name="penalty", range="[0, inf)", effect="stays nearer to the record; 0 believes the dynamics"
        ),
        Setting(name="length", range="[1, inf)", effect="looks further in the dynamics, where errors add up"),
        Setting(name="n_rounds", range="[1, inf)", effect="learns longer"),
    ),
    page="methods/model-based-offline.md",
)
