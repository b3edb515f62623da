"""Softmax."""

from .description import Actions, Group, Method, Needs, Setting

METHOD = Method(
    name="softmax",
    title="Softmax over what was seen",
    group=Group.BANDITS,
    needs=(Needs.OUTCOMES,),
    actions=(Actions.CHOICE,),
    when="Better alternatives should be tried more often, smoothly.",
    when_not="Rewards are of unknown size: its temperature is in their unit.",
    cost="Some arithmetic a choice; each choice is logged with its probability.",
    home="telic.planning.bandits:Softmax",
    settings=(Setting(name="temperature", range="(0, inf)", effect="tries more evenly"),),
    page="bandits.md",
)
