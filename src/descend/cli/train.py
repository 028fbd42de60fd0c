"""This file is the verb `train`."""

from descend.cli._call import Answer, Call, Positional
from descend.cli._finished import answer_of
from descend.cli._signals import begin_work
from descend.settings import Settings, setting

SUMMARY = "Train a network on DATA; every choice left open is derived from the data."
POSITIONALS = (
    Positional(
        "data",
        "'digits', a folder of images, an archive, a table, or a file of arrays",
        required=False,  # a recipe may name it
    ),
)
RUN_SETTINGS = True
FOR_PROGRAMS = False


class Options(Settings):
    recipe: str | None = setting(None, "recipe.toml to take settings from; flags go before it")


def run(call: Call) -> Answer:
    from descend.workflow.train import train

    begin_work()
    trained = train(
        call.word_or_none("data"),
        recipe=call.options.recipe,
        show=call.show,
        **call.settings,
    )
    return answer_of(trained)
