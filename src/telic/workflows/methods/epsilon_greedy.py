"""Epsilon-greedy."""

from .description import Actions, Group, Method, Needs, Setting

METHOD = Method(
    name="epsilon_greedy",
    title="Epsilon-greedy",
    group=Group.BANDITS,
    needs=(Needs.OUTCOMES,),
    actions=(Actions.CHOICE,),
    when="A first bandit: the best so far, and now and then another by chance.",
    when_not="Chance may not be wasted on what is known to be bad (`thompson`).",
    cost="Some arithmetic a choice; each choice is logged with its probability.",
    home="telic.planning.bandits:EpsilonGreedy",
    settings=(Setting(name="epsilon", range="[0, 1]", effect="tries more; never stops"),),
    page="bandits.md",
)
