"""`sidenote policies list|show|test|diff`: read, try and compare the guardrail policies."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from rich.console import Console

    from policies.rule import Rule
    from policies.trial import OutcomeChange, RuleChange, Tried

FAILED = 1
"""Exit code: a case of a rule did not answer as it must."""

_Folder = click.Path(path_type=Path, exists=True, file_okay=False)
_rules = click.option("--rules", type=_Folder, default=None, help="Folder of rule files; default: the configured or shipped rules.")


@click.group()
def policies() -> None:
    """List, show, test and compare the guardrail policies."""


@policies.command("list")
@_rules
def list_(rules: Path | None) -> None:
    """List the rules: what each does when it fires and when it cannot tell, and how well its source is known."""
    from rich.table import Table

    loaded = _load(rules)
    table = Table("id", "title", "fires", "cannot tell", "", "review by", box=None, header_style="dim", pad_edge=False)
    for rule in loaded:
        scope = "" if rule.scope == "review" else f" ({rule.scope})"
        table.add_row(rule.id, rule.title, rule.action + scope, rule.unknown.action, rule.source.kind, str(rule.review_by))
    console = _console()
    console.print(table)
    console.print(f"{len(loaded)} rules. S: read in a public source; K: domain knowledge to be confirmed.", style="dim", markup=False)


@policies.command()
@click.argument("rule_id")
@_rules
def show(rule_id: str, rules: Path | None) -> None:
    """Show one rule in words: condition, message, what it does when it cannot tell, its value sets and cases."""
    from policies.loading import rule_fingerprint, rule_named
    from sidenote.problems import refusals

    with refusals(rule_id):
        rule = rule_named(_load(rules), rule_id)
    console = _console()
    console.print(f"[bold]{rule.id}[/bold]  {rule.title}  [dim]{rule.version}, {rule_fingerprint(rule)[:12]}[/dim]")
    for name, text in _rows(rule):
        console.print(f"[dim]{name:>12}[/dim]  ", end="")
        console.print(text, markup=False)
    console.print("[dim]        when[/dim]")
    console.print(_condition(rule), markup=False)
    _print_value_sets(console, rule)
    for case in rule.cases:
        console.print(f"[dim]{case.expect:>12}[/dim]  ", end="")
        console.print(case.name, markup=False)


@policies.command()
@click.argument("ids", nargs=-1)
@_rules
def test(ids: tuple[str, ...], rules: Path | None) -> None:
    """Run every case of every rule (or of the rules named). Exit code 1 when one does not answer as it must."""
    from policies.loading import rule_named
    from policies.trial import try_cases
    from sidenote.problems import refusals

    loaded = _load(rules)
    with refusals():
        chosen = tuple(rule_named(loaded, rule_id) for rule_id in ids) or loaded
    tried = tuple(try_cases(chosen))
    _print_tried(chosen, tried)
    if not all(case.passed for case in tried):
        sys.exit(FAILED)


@policies.command()
@click.argument("old", type=_Folder)
@click.argument("new", type=_Folder)
@click.option(
    "--fhir", "source", default=None, help="Also compare on every chart of this source: a base URL, bundle, NDJSON file or folder."
)
@click.option("--records", type=_Folder, default=None, help="Also replay the reviews of this folder of flight records under both.")
def diff(old: Path, new: Path, source: str | None, records: Path | None) -> None:
    """Compare two folders of rules: which rules differ, and which outcomes would. Changes nothing.

    Outcomes are compared on the cases the rules carry and, when given, on charts and past reviews.
    """
    from policies.trial import carried_cases, compare_on, compare_rules
    from sidenote.problems import refusals

    before, after = _load(old), _load(new)
    console = _console()
    _print_rule_changes(console, compare_rules(before, after))
    changes = [change for name, case in carried_cases(before, after) for change in compare_on(name, case, before, after)]
    with refusals():
        if source is not None:
            changes += _on_charts(source, before, after)
        if records is not None:
            changes += _on_records(records, old, new)
    _print_outcome_changes(console, changes)


def _load(folder: Path | None) -> tuple[Rule, ...]:
    from policies.loading import load_rules
    from sidenote.problems import refusals
    from sidenote.settings import load_settings

    with refusals():
        return load_rules(folder if folder is not None else load_settings().rules)


def _console() -> Console:
    from rich.console import Console

    return Console(highlight=False, soft_wrap=not sys.stdout.isatty())


def _rows(rule: Rule) -> Iterator[tuple[str, str]]:
    yield "owner", f"{rule.owner}, to be reviewed by {rule.review_by}"
    yield "source", f"{rule.source.title}, {rule.source.date}, {'read' if rule.source.kind == 'S' else 'to be confirmed'}"
    yield "fires", f"{rule.action}, scope: {rule.scope}" + (f", {rule.rest} for the rest" if rule.rest else "")
    yield "", rule.message
    yield "cannot tell", rule.unknown.action
    yield "", rule.unknown.message


def _condition(rule: Rule) -> str:
    import yaml

    from policies.conditions import written

    text: str = yaml.safe_dump(written(rule.when), sort_keys=False, allow_unicode=True, width=110)
    return "\n".join(f"{'':14}{line}" for line in text.splitlines())


def _print_value_sets(console: Console, rule: Rule) -> None:
    from fhir.value_sets import VALUE_SETS

    for name in rule.value_sets:
        chosen = VALUE_SETS[name]
        seen = f"{len(chosen.codes)} codes, {len(chosen.confirmed)} confirmed, {len(chosen.words)} word entries"
        console.print(f"[dim]   value set[/dim]  {name}: {seen}; source: {chosen.source}")


def _print_tried(rules: tuple[Rule, ...], tried: tuple[Tried, ...]) -> None:
    from rich.table import Table

    table = Table("rule", "title", "fired", "clear", "cannot tell", "", box=None, header_style="dim", pad_edge=False)
    for rule in rules:
        mine = [case for case in tried if case.rule == rule.id]
        counts = (str(sum(case.passed and case.expected == fired for case in mine)) for fired in ("fired", "clear", "cannot_tell"))
        wrong = sum(not case.passed for case in mine)
        table.add_row(rule.id, rule.title, *counts, f"[red]{wrong} wrong[/red]" if wrong else "[green]ok[/green]")
    console = _console()
    console.print(table)
    for case in tried:
        if not case.passed:
            read = "; ".join(f"{basis.reference}: {basis.detail}" for basis in case.basis)
            console.print(f"{case.rule}: {case.name}: expected {case.expected}, got {case.got} ({read})", style="red", markup=False)
    console.print(f"{len(tried)} cases, {sum(not case.passed for case in tried)} wrong")


def _print_rule_changes(console: Console, changes: tuple[RuleChange, ...]) -> None:
    if not changes:
        console.print("The rules are the same.")
    for change in changes:
        console.print(f"{change.change:8} {change.rule}  {', '.join(change.keys)}", markup=False)


def _print_outcome_changes(console: Console, changes: list[OutcomeChange]) -> None:
    from rich.table import Table

    if not changes:
        console.print("No outcome changes.")
        return
    table = Table("case", "rule", "before", "after", box=None, header_style="dim", pad_edge=False)
    for change in changes:
        table.add_row(change.case, change.rule, change.before or "no rule", change.after or "no rule")
    console.print(table)
    console.print(f"{len(changes)} outcomes change")


def _on_charts(source: str, old: tuple[Rule, ...], new: tuple[Rule, ...]) -> list[OutcomeChange]:
    """What differs on the charts of a source: chart facts and orders only, without image, reading or claims."""
    import asyncio
    from datetime import UTC, datetime

    from policies.case import PolicyCase
    from policies.trial import compare_on

    as_of = datetime.now(UTC)

    async def every() -> list[OutcomeChange]:
        from fhir.source import open_source

        opened = open_source(source)
        try:
            cases = [(patient, PolicyCase(await opened.chart(patient), as_of)) for patient in await opened.patients()]
        finally:
            await opened.aclose()
        return [change for patient, case in cases for change in compare_on(f"Patient/{patient}", case, old, new)]

    return asyncio.run(every())


def _on_records(records: Path, old: Path, new: Path) -> list[OutcomeChange]:
    """What differs when the recorded reviews are made again under each set of rules; a broken record is named and left out."""
    from agent.errors import AgentError
    from agent.replay import replay
    from policies.trial import OutcomeChange
    from sidenote.settings import load_settings
    from sidenote.wiring import replay_parts

    settings = load_settings()
    before, after = (replay_parts(settings.model_copy(update={"rules": folder})) for folder in (old, new))
    changes: list[OutcomeChange] = []
    for folder in sorted(path for path in records.iterdir() if path.is_dir()):
        try:
            one, other = (replay(records, folder.name, parts).review for parts in (before, after))
        except AgentError as error:
            click.echo(f"left out {folder.name}: {error}", err=True)
            continue
        was, now = ({policy.id: f"{policy.outcome} → {policy.action}" for policy in review.policies} for review in (one, other))
        pairs = [("status", one.status, other.status), *((rule, was.get(rule), now.get(rule)) for rule in sorted({*was, *now}))]
        changes += [OutcomeChange(folder.name, rule, then, later) for rule, then, later in pairs if then != later]
    return changes
