"""Whatever strangers send, a parser answers with a value or with its own refusal. The search by coverage is
`python -m tests.fuzz`; what it finds is among the seeds.
"""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.fuzz.parsers import PARSERS

ODD = [
    b"\0",
    b"\xff",
    b"\xed\xa0\x80",
    b"[" * 3000,
    b'"',
    b"'",
    b",",
    b";",
    b"\r",
    b"\n",
    b"-",
    b"9" * 40,
    b"1e999",
    b"NaN",
]
ODD += [
    b"null",
    b"{}",
    b"_x0000_",
    "\u202e".encode(),
    "\u0661".encode(),
    "İ".encode(),
    b"&amp;",
    b"]]>",
    b"</row>",
    b"=",
]


@st.composite
def changed(draw: st.DrawFn, seeds: list[bytes]) -> bytes:
    """A seed in which some places hold something else."""
    data = draw(st.sampled_from(seeds))
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, len(data)))
        end = draw(st.integers(start, min(len(data), start + 12)))
        data = data[:start] + draw(st.sampled_from(ODD) | st.binary(max_size=4)) + data[end:]
    return data


@pytest.mark.parametrize("examples", [40, pytest.param(3000, marks=pytest.mark.exhaustive)])
@pytest.mark.parametrize("name", PARSERS)
def test_a_parser_reads_or_refuses(name: str, examples: int) -> None:
    parse, seeds = PARSERS[name]
    for seed in seeds:
        parse(seed)

    @settings(
        max_examples=examples, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck)
    )
    @given(changed(seeds) | st.binary(max_size=200))
    def search(data: bytes) -> None:
        parse(data)

    search()
