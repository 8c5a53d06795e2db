"""How the case library was asked, in sentences: what a clinician is told at once, and what a safety officer looks up."""

from __future__ import annotations

from agent.review import Search


def limit(search: Search) -> str:
    """Up to where a case counts as comparable, and what that was measured on; empty where the library is too small to say."""
    if not search.threshold:
        return ""
    return f"A case counts as comparable up to distance {search.threshold:.2f}, which covers {search.coverage:.0%} of held-out cases."


def method(search: Search) -> tuple[str, ...]:
    """What was searched, what was left out before anything was compared, and by which plan."""
    kept = f", of {' and '.join(search.only)} alone" if search.only else ""
    left = ", ".join(f"{count:,} {reason}" for reason, count in search.excluded if count)
    planned = f"{search.plan} ({search.plan_reason})" if search.plan_reason else search.plan
    return (
        f"Searched {search.searched:,} {'case' if search.searched == 1 else 'cases'}{kept}.",
        *((f"Left out before: {left}.",) if left else ()),
        f"Plan: {planned}.",
    )
