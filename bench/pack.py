"""A chart of 10,000 resources to the facts that matter."""

from __future__ import annotations

from agent.nodes.gather import gather
from agent.nodes.read import Read
from agent.nodes.retrieve import Retrieved
from agent.nodes.study import Facts
from bench.clock import alternate
from bench.rows import Goal, Row
from bench.setting import Setting
from fhir.chart import Chart, Fact, Manifest
from fhir.imaging import focal_study
from sandbox.patients.story import CLOCK
from tools.evidence_pack.tokens import estimated
from tools.selection import told

RESOURCES = 10_000
BUDGETS = (8_000, 128_000)
SECOND = Goal("evidence packs", "a pack of 8,000 tokens from 10,000 resources in well under a second", 1_000.0, of="figure")
QUESTION = "How are the kidneys?"


def pack(setting: Setting) -> tuple[Row, ...]:
    """A chart of 10,000 resources to the facts that matter.

    CPU time in one thread, each time from a chart that nobody has read yet, its focal study found; a question is asked, so that
    every fact is weighed against it. The chart is the largest one at hand, its facts given new ids until there are enough. The
    peer chooses nothing: it puts every fact into the same line and counts its tokens, which is what a prompt without selection takes.
    """
    from policies.guidance_pack import load_topics

    whole, topics = crowded(setting, RESOURCES), load_topics()
    study = focal_study(whole)
    facts, read, nothing = Facts(study.reference if study else None), Read(None, None), Retrieved(None, "none")

    def packed(budget: int) -> object:
        return gather(
            unread(whole), CLOCK, topics, study=study, facts=facts, read=read, retrieved=nothing, question=QUESTION, budget=budget
        )

    work = {f"{budget}": lambda budget=budget: packed(budget) for budget in BUDGETS}
    times = alternate(setting.rounds(10), {**work, "all": lambda: every_line(unread(whole))})
    goals = {BUDGETS[0]: SECOND}
    return tuple(
        Row(f"evidence pack, {budget:,} tokens", times[f"{budget}"], "every fact as a line", times["all"], goals.get(budget))
        for budget in BUDGETS
    )


def crowded(setting: Setting, number: int) -> Chart:
    """The chart of `chart_file` with its facts over and over under new ids, until it holds `number` resources."""
    from fhir.files import chart_from_bytes

    one = chart_from_bytes(setting.chart_file.read_bytes(), setting.patient)
    copies = -(-(number - 1) // len(one.facts))
    facts = [_renamed(fact, copy) for copy in range(copies) for fact in one.facts]
    return Chart(one.patient, tuple(facts[: number - 1]), Manifest("file", (), number))


def unread(chart: Chart) -> Chart:
    """The same chart as if it had just been read: nothing parsed, nothing indexed."""
    facts = tuple(Fact(fact.resource_type, fact.id, fact.raw, fact.version) for fact in chart.facts)
    return Chart(chart.patient, facts, chart.manifest)


def every_line(chart: Chart) -> int:
    """Tokens of a prompt that holds every fact of a chart."""
    return sum(estimated(item.text) for item in told(chart.facts, chart.patient.reference))


def _renamed(fact: Fact, copy: int) -> Fact:
    identity = f"{fact.id[:50]}-{copy}"
    return Fact(fact.resource_type, identity, fact.raw.replace(fact.id.encode(), identity.encode()), fact.version)
