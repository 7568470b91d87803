"""Framings: everything that a body can be wrapped in, and what is no body."""

from __future__ import annotations

import gzip
import json
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline import decode
from pipeline.decode import DecodeError, unframe
from pipeline.reject import Reason

ARRAY = '[{"unit":"T_ZENTH-1","text":"caf\u00e9 \\"\\u00e9\\" \U0001f600"},{"n":1.10}]'
BOM = "\ufeff"


def literal(text: str) -> str:
    return json.dumps(text)


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (ARRAY, ARRAY),
        (literal(ARRAY), ARRAY),
        (literal(literal(ARRAY)), ARRAY),
        (json.dumps(ARRAY, ensure_ascii=False), ARRAY),
        (literal(ARRAY).replace('\\"', "\\u0022"), ARRAY),
        (literal(ARRAY).replace("[", "\\u005b", 1), ARRAY),
        ("[]", "[]"),
        ("[ ]", "[ ]"),
        ('"[]"', "[]"),
        ('{"unit":"a"}', '{"unit":"a"}'),
        (literal('{"unit":"a"}'), '{"unit":"a"}'),
        (BOM + ARRAY, ARRAY),
        (BOM + literal(BOM + ARRAY), ARRAY),
        (literal(BOM + literal(BOM + ARRAY)), ARRAY),
        (f" \t\r\n{ARRAY}", ARRAY),
        (f"{BOM} \n{ARRAY}", ARRAY),
        (f" {literal(f' {ARRAY} ')} ", f"{ARRAY} "),
        # Unescaped control characters, which strict parsers refuse.
        ('"[{\\"a\\":\\"x\\"},\n{}]"', '[{"a":"x"},\n{}]'),
        # Parsing comes later: what is wrong behind the bracket may cost a record only.
        ("[NaN", "[NaN"),
        ("{", "{"),
    ],
)
def test_framings(body: str, text: str) -> None:
    data = body.encode()
    assert unframe(data) == text
    assert unframe(gzip.compress(data, mtime=0), "gzip") == text
    assert unframe(gzip.compress(data)) == text  # compressed, but the envelope does not say so
    halves = gzip.compress(data[:3]) + b"\0\0" + gzip.compress(data[3:]) + b"\0"
    assert unframe(halves, "gzip") == text


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (rb'"[\"\ud800\"]"', '["\ud800"]'),  # in the outer literal
        (rb'"[\"\\ud800\"]"', r'["\ud800"]'),  # in the inner escapes
        (rb'"[\"\ud83d\ude00\"]"', '["\U0001f600"]'),
        (b'["\xed\xa0\x80"]', '["\ud800"]'),  # as bytes, which is no strict UTF-8
        (b'"[\\"\xed\xa0\x80\\"]"', '["\ud800"]'),
        (b'"[\\"\\ud800 \xed\xb0\x80\\"]"', '["\ud800 \udc00"]'),
    ],
)
def test_a_lone_surrogate_does_not_cost_the_message(data: bytes, text: str) -> None:
    assert unframe(data) == text


BAD, NOT_JSON, NOT_RECORDS = Reason.BAD_ENCODING, Reason.NOT_JSON, Reason.NOT_RECORDS
TOO_DEEP = literal(literal(literal(ARRAY))).encode()


@pytest.mark.parametrize(
    ("data", "reason", "detail"),
    [
        (b"", NOT_JSON, "the body is empty"),
        (b" \n", NOT_JSON, "the body is empty"),
        (BOM.encode(), NOT_JSON, "the body is empty"),
        (b'""', NOT_JSON, "the body is empty"),
        (b'" "', NOT_JSON, "the body is empty"),
        (b"hello", NOT_JSON, "no JSON: Expecting value: line 1 column 1 (char 0)"),
        (b"'[]'", NOT_JSON, "no JSON: Expecting value: line 1 column 1 (char 0)"),
        (b"<html>", NOT_JSON, "no JSON: Expecting value: line 1 column 1 (char 0)"),
        (b"\x00[]", NOT_JSON, "no JSON: Expecting value: line 1 column 1 (char 0)"),
        (b"5 5", NOT_JSON, "no JSON: Extra data: line 1 column 3 (char 2)"),
        (b'"hello"', NOT_JSON, "no JSON: Expecting value: line 1 column 1 (char 0)"),
        (
            literal(ARRAY).encode()[:-1],
            NOT_JSON,
            "broken JSON string: Unterminated string starting at: line 1 column 1 (char 0)",
        ),
        (b'"\\x"', NOT_JSON, "broken JSON string: Invalid \\escape: line 1 column 2 (char 1)"),
        (b'"[]" []', NOT_JSON, "text behind the JSON string at character 4"),
        (b'"[]""', NOT_JSON, "text behind the JSON string at character 4"),
        (b'"\\ud800" []', NOT_JSON, "text behind the JSON string at character 8"),
        (b"5", NOT_RECORDS, "expected an array of records, got '5'"),
        (b"-1.5e3", NOT_RECORDS, "expected an array of records, got '-1.5e3'"),
        (b"NaN", NOT_RECORDS, "expected an array of records, got 'NaN'"),
        (b"null", NOT_RECORDS, "expected an array of records, got 'null'"),
        (b'"true"', NOT_RECORDS, "expected an array of records, got 'true'"),
        (b"1" * 5_000, NOT_RECORDS, f"expected an array of records, got '{'1' * 40}'"),
        (TOO_DEEP, NOT_RECORDS, "expected an array of records, got a string inside strings"),
        (
            literal(literal('"[')).encode(),
            NOT_JSON,
            "no JSON: Unterminated string starting at: line 1 column 1 (char 0)",
        ),
        (b'[{"a":"\xff"}]', BAD, "no UTF-8: byte 0xff at position 7"),
        ("[]".encode("utf-16-le") + b"\xff", BAD, "no UTF-8: byte 0xff at position 4"),
        (b'["\xc3', BAD, "no UTF-8: byte 0xc3 at position 2"),
    ],
)
def test_no_records(data: bytes, reason: Reason, detail: str) -> None:
    for body, encoding in ((data, None), (gzip.compress(data, mtime=0), "gzip")):
        with pytest.raises(DecodeError) as caught:
            unframe(body, encoding)
        assert (caught.value.reason, str(caught.value)) == (reason, detail)


ENDS_EARLY = "Compressed file ended before the end-of-stream marker was reached"
WRONG_CHECKSUM = gzip.compress(b"[]", mtime=0)[:-8] + b"\0" * 8


@pytest.mark.parametrize(
    ("data", "encoding", "detail"),
    [
        (b"[]", "gzip", "broken gzip: Not a gzipped file (b'[]')"),
        (gzip.compress(b"[]", mtime=0)[:-1], "gzip", f"broken gzip: {ENDS_EARLY}"),
        (gzip.compress(b"[]", mtime=0)[:5], None, f"broken gzip: {ENDS_EARLY}"),
        (b"\x1f\x8b", None, f"broken gzip: {ENDS_EARLY}"),
        (WRONG_CHECKSUM, "gzip", f"broken gzip: CRC check failed 0x0 != {zlib.crc32(b'[]'):#x}"),
        (
            gzip.compress(b"[]", mtime=0) + b"x" * 20,
            "gzip",
            "broken gzip: Not a gzipped file (b'xx')",
        ),
        (zlib.compress(b"[]"), None, "no UTF-8: byte 0x9c at position 1"),
    ],
)
def test_broken_compression(data: bytes, encoding: str | None, detail: str) -> None:
    with pytest.raises(DecodeError) as caught:
        unframe(data, encoding)
    assert (caught.value.reason, str(caught.value)) == (BAD, detail)


def test_an_empty_body_that_says_gzip() -> None:
    with pytest.raises(DecodeError, match=r"^the body is empty$"):
        unframe(b"", "gzip")


def test_another_encoding_is_left_alone() -> None:
    assert unframe(b"[]", "identity") == "[]"


@pytest.mark.parametrize("members", [1, 3])
def test_a_message_that_expands_without_end(monkeypatch: pytest.MonkeyPatch, members: int) -> None:
    monkeypatch.setattr(decode, "MAX_DECOMPRESSED_BYTES", 300)
    fits = b"[" + b" " * (300 // members - 1) * 1
    body = b"".join(
        [gzip.compress(fits)] + [gzip.compress(b" " * (300 // members))] * (members - 1)
    )
    assert len(unframe(body, "gzip")) == 300
    with pytest.raises(DecodeError) as caught:
        unframe(body + gzip.compress(b" "), "gzip")
    assert (caught.value.reason, str(caught.value)) == (
        BAD,
        "gzip expands to more than 300 bytes",
    )


@given(st.text(), st.integers(0, 2), st.booleans())
def test_a_literal_gives_back_its_text(inside: str, rounds: int, ascii_only: bool) -> None:
    text = "[" + inside
    body = text
    for _ in range(rounds):
        body = json.dumps(body, ensure_ascii=ascii_only)
    assert unframe(body.encode()) == text
    assert unframe(gzip.compress(body.encode(), 1), "gzip") == text


@given(
    st.binary()
    | st.binary().map(lambda data: b"\x1f\x8b\x08" + data)
    | st.binary().map(gzip.compress)
    | st.text('"\\[]{}:,\ufeff u0d8é \n').map(str.encode)
    | st.text('"\\[]{}u0d8').map(lambda text: json.dumps(json.dumps(text)).encode()),
    st.sampled_from([None, "gzip", "br"]),
)
def test_any_bytes_give_a_text_or_a_reason(data: bytes, encoding: str | None) -> None:
    text, reason, detail = "", None, ""
    try:
        text = unframe(data, encoding)
    except DecodeError as error:
        reason, detail = error.reason, str(error)
    detail.encode()
    assert reason in (BAD, NOT_JSON, NOT_RECORDS) if detail else text[0] in "[{"
