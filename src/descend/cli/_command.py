"""This file makes a click command of a verb's file, and the group of all verbs.

A verb's file is imported when its name is given, or all of them for the list of verbs; none of
them imports torch.
"""

from collections.abc import Callable
from typing import Any

import click

from descend.catalog import Catalog
from descend.cli._call import Answer, Call, Positional, Verb
from descend.cli._options import Section, SettingOption, every_entry, options_of, run_sections
from descend.errors import SettingError, UserError, did_you_mean
from descend.settings import parse
from descend.show import Show

VERBS = Catalog("descend.cli", "verb")
OUTPUT = "Output"


class VerbCommand(click.Command):
    """One verb. Its options depend on the arguments: `--model NAME` brings that entry's own."""

    def __init__(self, name: str, verb: Verb, show: Callable[[bool], Show]) -> None:
        super().__init__(name, help=verb.SUMMARY, short_help=verb.SUMMARY)
        self.verb = verb
        self.make_show = show

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        sections = [Section("Options", self.verb.Options)]
        if self.verb.RUN_SETTINGS:
            sections += run_sections(args)
        self._take(sections)
        try:
            return super().parse_args(ctx, list(args))
        except click.NoSuchOption as error:
            if not self.verb.RUN_SETTINGS:
                raise _unknown_flag(error, self) from None
        # It may be a setting of an entry that nobody named: the network is derived from the data.
        self._take([*sections, *every_entry()])
        try:
            return super().parse_args(ctx, list(args))
        except click.NoSuchOption as error:
            raise _unknown_flag(error, self) from None

    def _take(self, sections: list[Section]) -> None:
        words = [_argument(positional) for positional in self.verb.POSITIONALS]
        self.params = [*words, *options_of(sections), *_output_options()]

    def invoke(self, ctx: click.Context) -> Answer:
        given: dict[str, object] = {}
        for option in self.params:
            if isinstance(option, SettingOption):
                value = option.value_of(ctx.params.get(option.described.name))
                if value is not None:
                    given[option.described.name] = value
        own = {name: given.pop(name) for name in self.verb.Options.model_fields if name in given}
        words = {p.name: _as_tuple(ctx.params[p.name]) for p in self.verb.POSITIONALS}
        call = Call(
            words, parse(self.verb.Options, own), given, self.make_show(self.verb.FOR_PROGRAMS)
        )
        return self.verb.run(call)

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        if self.verb.POSITIONALS:
            with formatter.section("Arguments"):
                formatter.write_dl([(p.name.upper(), p.help) for p in self.verb.POSITIONALS])
        rows: dict[str, list[tuple[str, str]]] = {}
        for param in self.get_params(ctx):
            record = param.get_help_record(ctx)
            if record is not None and isinstance(param, click.Option):
                title = param.section if isinstance(param, SettingOption) else OUTPUT
                rows.setdefault(title, []).append(record)
        for title, records in rows.items():
            with formatter.section(title):
                formatter.write_dl(records, col_max=34)


class VerbGroup(click.Group):
    """All verbs, found by listing the folder."""

    def __init__(self, show: Callable[[bool], Show]) -> None:
        super().__init__(
            "descend",
            help="Train neural networks on your own data.",
            subcommand_metavar="VERB [TARGET] [--setting VALUE]...",
            options_metavar="",
        )
        self.make_show = show

    def list_commands(self, ctx: click.Context) -> list[str]:
        return [name.replace("_", "-") for name in VERBS.names]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command:
        known = self.list_commands(ctx)
        if cmd_name not in known:
            raise SettingError(f"unknown verb {cmd_name!r}; {did_you_mean(cmd_name, known)}")
        verb: Any = VERBS.load(cmd_name.replace("-", "_"))
        return VerbCommand(cmd_name, verb, self.make_show)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        return args[0], self.get_command(ctx, args[0]), args[1:]


def _argument(positional: Positional) -> click.Argument:
    return click.Argument(
        [positional.name],
        required=positional.required,
        nargs=-1 if positional.several else 1,
        metavar=_metavar(positional),
        type=click.STRING,
    )


def _metavar(positional: Positional) -> str:
    name = positional.name.upper() + ("..." if positional.several else "")
    return name if positional.required else f"[{name}]"


def _output_options() -> list[click.Option]:
    return [
        click.Option(["--json", "as_json"], is_flag=True, expose_value=False,
                     help="the last line of stdout is one JSON object, and the only one"),
        click.Option(["--quiet"], is_flag=True, expose_value=False,
                     help="no progress and no sentences"),
    ]  # fmt: skip


def _unknown_flag(error: click.NoSuchOption, command: click.Command) -> UserError:
    negated = error.option_name.startswith("--no-")
    options = [param for param in command.params if isinstance(param, click.Option)]
    known = [name for o in options for name in (o.secondary_opts if negated else o.opts)]
    flags = [*known, "--help"]
    near = did_you_mean(error.option_name, flags)
    if not near.startswith("did you mean"):  # the list of all flags is no help in one line
        near = f"`descend {command.name} --help` lists them"
    return SettingError(f"unknown flag {error.option_name!r}; {near}")


def _as_tuple(value: object) -> tuple[str, ...]:
    if value is None:
        return ()
    return tuple(map(str, value)) if isinstance(value, tuple) else (str(value),)
