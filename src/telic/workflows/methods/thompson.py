"""Thompson sampling."""

from .description import Actions, Group, Method, Needs, Setting

METHOD = Method(
    name="thompson",
    title="Thompson sampling",
    group=Group.BANDITS,
    needs=(Needs.OUTCOMES,),
    actions=(Actions.CHOICE,),
    when="Rewards are yes or no, and as little as possible may be lost while learning.",
    when_not="Rewards are amounts, or depend on a context (`lin_ucb`).",
    cost="Some arithmetic a choice; each choice is logged with its probability.",
    home="telic.planning.bandits:Thompson",
    settings=(
        Setting(name="successes", range="(0, inf)", effect="more hopeful at first"),
        Setting(name="failures", range="(0, inf)", effect="less hopeful at first"),
    ),
    page="bandits.md",
)
