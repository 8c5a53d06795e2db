"""One rule for every licence, however it is spelled: what runs without a yes, and what may train."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tools.med_vlm.licences import licence_allowed, licence_terms, training_refused

LICENCES = {
    "permissive": [
        "mit", "MIT", " MIT License ", "Apache-2.0", "apache 2.0", "Apache License, Version 2.0", "apache2", "BSD-3-Clause",
        "bsd_2_clause", "CC-BY-4.0", "CC BY 3.0", "CC-BY", "cc-by-sa-4.0", "CC BY-SA 4.0 International",
        "Creative Commons Attribution 4.0", "cc0-1.0", "CC0", "Unlicense", "MIT AND Apache-2.0", "(Apache-2.0 OR MIT)",
        "MIT/Apache-2.0",
    ],
    "non-commercial": [
        "cc-by-nc-4.0", "CC BY-NC 4.0", "CC BY NC", "cc_by_nc_sa", "CC-BY-NC-SA-4.0", "cc by-nc-nd 4.0",
        "CC\u2011BY\u2011NC", "ＣＣ-ＢＹ-ＮＣ", "CC-BY-N\u200bC", "ccbync4.0", "NonCommercial use", "non-commercial",
        "Non Commercial", "not for commercial use", "no commercial use", "Creative Commons Attribution-NonCommercial 4.0",
        "MIT AND CC-BY-NC-4.0", "CC-BY-NC-4.0 OR MIT", "something AND CC-BY-NC-4.0", "MIT, weights CC BY-NC",
        "CC BY per metadata.csv, but hosted elsewhere (default CC BY-NC-SA): treat as NC", "research only", "Research-Only",
        "MSRLA", "microsoft research license", "Qwen Research License", "academic use", "for evaluation only", "LLaMA",
        "llama-1", "LLaMA 1 AND MIT", "PhysioNet Credentialed Health Data License",
    ],
    "terms of use": [
        "health-ai-developer-foundations", "HAI-DEF", "llama2", "Llama 2 Community License", "llama-3.1", "meta-llama-3",
        "gemma", "Gemma Terms of Use", "openrail++", "CreativeML Open RAIL-M", "cogvlm", "MIT AND gemma",
    ],
    "unstated": [
        "", "   ", "-", "none", "None.", "other", "unknown", "UNKNOWN", "N/A", "see README", "all rights reserved",
        "unlicensed",
    ],
    "unknown": [
        "mitt", "mit and something", "MIT WITH exception", "CC-BY-ND-4.0", "GPL-3.0", "MIT (c) somebody", "no longer MIT",
        "NIH-no-restrictions",
    ],
}  # fmt: skip


@pytest.mark.fault(118)
@pytest.mark.parametrize(("terms", "licence"), [(terms, licence) for terms, names in LICENCES.items() for licence in names])
def test_only_a_permissive_licence_needs_no_yes(terms: str, licence: str) -> None:
    assert licence_terms(licence) == terms
    assert licence_allowed(licence, accept_noncommercial=False) == (terms == "permissive")
    assert licence_allowed(licence, accept_noncommercial=True)


@pytest.mark.parametrize(("terms", "licence"), [(terms, licence) for terms, names in LICENCES.items() for licence in names])
def test_what_forbids_commercial_use_trains_after_a_yes_and_what_states_nothing_never_does(terms: str, licence: str) -> None:
    refused = {"non-commercial": "licence forbids commercial use", "unstated": "licence is not stated"}.get(terms, "")
    assert training_refused(licence) == refused
    assert training_refused(licence, accept_noncommercial=True) == ("" if terms != "unstated" else refused)


@given(before=st.text(max_size=12), after=st.text(max_size=12), case=st.sampled_from([str.lower, str.upper, str.title]))
def test_nothing_around_a_ban_lifts_it(before: str, after: str, case: object) -> None:
    assert licence_terms(f"{before} {case('cc-by-nc-4.0')} {after}") == "non-commercial"  # type: ignore[operator]


@given(licence=st.text(max_size=40))
def test_no_name_that_is_not_in_the_table_passes_without_a_yes(licence: str) -> None:
    if licence_allowed(licence, accept_noncommercial=False):
        assert licence_terms(licence) == "permissive"
        assert any(known in licence.casefold() for known in ("mit", "apache", "bsd", "isc", "unlicense", "zlib", "cc", "attribution"))
