"""What is taken out of pages: words, terms, and the passages that matter."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tokenmill.search.charsets import decode
from tokenmill.search.passages import best_passages
from tokenmill.search.terms import terms_of
from tokenmill.search.words import LONGEST_PAGE, read_html, read_plain


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ("<p>One sentence is long.<p>And another, too.", "One sentence is long.\nAnd another, too."),
        ("<p>Bold <b>and</b> <a href=x>linked</a> words in a line.</p>", "Bold and linked words in a line."),
        ("<li><a href=x>All we sell</a><li><a>Contact of us</a><p>Facts are here.</p>", "Facts are here."),
        ("<style>p{}</style><script>x='</p>'</script><p>Real words.</p>", "Real words."),
        ("<p style='display: none'>Hidden words for models.</p><p>Seen by people.</p>", "Seen by people."),
        ("<p>Zero\u200bwidth \u202eand tag\U000e0041 signs vanish.</p>", "Zerowidth and tag signs vanish."),
        ("<nav>Menu<p>never closed</p><body><p>The body begins here.</p>", "The body begins here."),
        ("<p>Same line twice.</p><p>Same line twice.</p>", "Same line twice."),
        ("<p>a &lt;b&gt; &amp; c &#21271;&#20140; is what it says.</p>", "a <b> & c 北京 is what it says."),
        ("<!-- <p>comment</p> --><p>Not a comment.</p>", "Not a comment."),
        ("just text", "just text"),
        ("", ""),
    ],
)  # fmt: skip
def test_words_are_what_a_reader_sees(html: str, text: str) -> None:
    assert read_html(html).text == text


def test_the_title_is_told_apart() -> None:
    assert read_html("<title>A &amp; B</title><title>C</title><p>Some words.</p>").title == "A & B"


@pytest.mark.parametrize(
    "piece",
    [
        *("<div>", "<p>a", "<", "<a", "<script>", "<style ", "<!--", "<title", "</", "&amp", "&#x", "<nav>"),
        *("<a x=1 ", "<p hidden-", "<script>a</script ", "<![CDATA[", "<td><tr>", "<p aria-hidden "),
    ],
)
def test_no_page_takes_long(piece: str) -> None:
    """What makes a tree deep, or a pattern look twice, is read in one pass, of a second at most."""
    page = piece * (LONGEST_PAGE // len(piece))
    began = time.process_time()
    read_html(page)
    assert time.process_time() - began < 10


@given(st.text(alphabet="<>/!-&;p a\"'=scriptyle中\n", max_size=300))
def test_any_text_is_read(text: str) -> None:
    page = read_html(text)
    assert "\n\n" not in page.text
    assert read_plain(text).title == ""


@given(st.text(max_size=200), st.sampled_from(["utf-8", "utf-16", "gb18030"]))
def test_text_survives_its_own_charset(text: str, charset: str) -> None:
    """Whatever a page says in the charset that it names, comes back; UTF-16 has a mark to know it by."""
    data = text.encode(charset, "ignore")
    if charset == "gb18030" and _is_utf8(data):
        return  # Nobody can tell.
    assert decode(data, charset, html=False) == data.decode(charset).removeprefix("\ufeff")


@given(st.binary(max_size=200), st.text(max_size=20))
def test_any_bytes_become_text(data: bytes, told: str) -> None:
    decode(data, told)
    decode(data, told, cut=True)


def test_a_cut_page_ends_where_its_last_whole_sign_does() -> None:
    data = "北京".encode("gbk")[:-1]
    assert decode(data, "gbk", cut=True) == "北"
    assert decode("北京".encode()[:-1], None, cut=True) == "北"


def test_chinese_terms_are_neighbours_and_others_words() -> None:
    assert list(terms_of("What is the capital of 中国? ＡＢＣ-2026年 café")) == [
        *("capital", "中国", "abc", "2026", "年", "café")
    ]
    assert list(terms_of("北京天气")) == ["北京", "京天", "天气"]


def test_what_matters_is_found_wherever_it_stands() -> None:
    filler = "Something else is told in this sentence. " * 200
    text = f"{filler}The Zephyr engine has 412 horsepower. {filler}"
    chosen = best_passages(text, "zephyr horsepower", 600)
    assert "412 horsepower" in chosen
    assert len(chosen) <= 600


def test_chosen_passages_keep_their_order_and_mark_the_gaps() -> None:
    facts = [f"Fact {at} about alpha stands here. " + "Other words. " * 100 for at in range(3)]
    chosen = best_passages("".join(facts), "alpha", 1500)
    assert [chosen.index(f"Fact {at}") for at in range(3)] == sorted(
        chosen.index(f"Fact {at}") for at in range(3)
    )
    assert chosen.count("\n…\n") == 2


def test_a_short_text_is_whole_and_one_without_a_match_is_known_by_its_beginning() -> None:
    assert best_passages(" short ", "x", 100) == "short"
    assert best_passages("First words. " + "More words follow. " * 100, "zzz", 100).startswith("First words.")


@given(st.text(max_size=3000), st.text(max_size=50), st.integers(10, 2000))
def test_never_more_than_was_wanted(text: str, query: str, most: int) -> None:
    assert len(best_passages(text, query, most)) <= most


def _is_utf8(data: bytes) -> bool:
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True
