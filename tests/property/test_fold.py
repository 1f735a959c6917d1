from hypothesis import given

from tests.property.strategies import lawful_streams, replies, steady
from tokenmill.conversation.events import Event
from tokenmill.conversation.fold import Reply, fold, unfold
from tokenmill.conversation.grammar import Grammar


@steady
@given(replies())
def test_folding_what_was_unfolded_gives_the_reply_back(reply: Reply) -> None:
    assert fold(unfold(reply)) == reply


@steady
@given(replies())
def test_unfolding_makes_a_lawful_and_whole_stream(reply: Reply) -> None:
    grammar = Grammar()
    for event in unfold(reply):
        grammar.see(event)
    assert grammar.whole
    assert not grammar.open_parts


@steady
@given(lawful_streams())
def test_interleaving_parts_does_not_change_the_folded_reply(stream: list[Event]) -> None:
    assert fold(unfold(fold(stream))) == fold(stream)
