"""What is kept of a text that thinks before it answers."""

from __future__ import annotations

import pytest

from tools.med_vlm.backends.local.spoken import spoken


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("The heart is enlarged.", "The heart is enlarged."),
        ("<think>Is it large? Yes.</think>\n<answer>The heart is enlarged.</answer>", "The heart is enlarged."),
        ("<think>No effusion?</think> An effusion.", "An effusion."),
        ("No tag at first. </think>An effusion.", "An effusion."),
        ("<think>one</think> no <think>two</think> yes", "yes"),
        ("<answer>An effusion", "An effusion"),
        ("<answer>First.</answer> Then more.", "First."),
        ("<think>It goes on and on", None),
        ("An answer. <think>and a thought", None),
        ("<think></think>", ""),
        ("", ""),
    ],
)
def test_only_the_answer_is_kept(text: str, said: str | None) -> None:
    assert spoken(text) == said
