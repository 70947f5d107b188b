"""What of the searched evidence an item gets: cleaned, filtered, ranked by rules that read no label."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from harness import reading
from harness.api import Evidence, Item, hookimpl
from harness.errors import MatrixError
from harness.plugins import Registry
from harness_benchmarks.domains import FACT_CHECKERS, lies_in
from harness_benchmarks.evidence import WithEvidence, WithOracles
from harness_benchmarks.evidence_text import clean, likeness, sameness, shortened
from harness_teachers.prompt import BUILT_IN, Prompt


class Searched(WithEvidence):
    name = "searched"

    def items(self, split):
        return []

    def labels(self, split):
        return {}


class Known(WithOracles):
    name = "known"

    def items(self, split):
        return []

    def labels(self, split):
        return {}


def captions(*texts, caption="What the item says", **options):
    return Searched(**options).fair(Evidence(captions=texts), caption).evidence.captions


@pytest.mark.parametrize(
    ("found", "wanted"),
    [
        ("A <b>crowd</b> in&nbsp;town", "A crowd in town"),
        ("Korea&#39;s president", "Korea's president"),
        ("Korea&amp;#39;s president", "Korea's president"),
        ("&lt;b&gt;Korea&lt;/b&gt; said", "Korea said"),
        ("One<br/>two<p class='x'>three</p>", "One two three"),
        ('<a href="https://example.org">Link</a> text', "Link text"),
        ("prices < 5 and > 3, says <unknown> & Co", "prices < 5 and > 3, says <unknown> & Co"),
        ("  many\t blanks \n here  ", "many blanks here"),
        ("zero\u200bwidth \u202eturned\u202c\ufeff bell\x07", "zerowidth turned bell"),
        ("می\u200cخواهم", "می\u200cخواهم"),
        ("cafe\u0301", "café"),
        ("a lone \ud800surrogate", "a lone surrogate"),
    ],
)
def test_a_text_is_cleaned_of_markup_and_of_what_nobody_sees(found, wanted):
    assert clean(found) == wanted


@given(st.text())
def test_cleaning_gives_one_line_without_control_characters(text):
    cleaned = clean(text)
    assert cleaned == " ".join(cleaned.split())
    assert not any(ord(character) < 32 for character in cleaned)


def test_a_long_text_is_cut_between_words_and_says_so():
    assert shortened("one two three four", 10) == "one two…"
    assert shortened("一" * 30, 10) == "一" * 9 + "…"
    assert shortened("one two", 7) == "one two"
    found = Searched(longest_text=20).fair(Evidence(captions=("A text of more than twenty characters",)), "Other")
    assert found.evidence.captions == ("A text of more than…",)
    assert found.counts == {"evidence captions that were cut at the longest length": 1}


def test_texts_that_differ_in_case_punctuation_and_spacing_are_one():
    assert sameness("Korea's  President!") == sameness("korea s president")
    assert sameness("New York") == sameness("NEW-YORK")
    assert sameness("किताब") != sameness("कितना")
    assert sameness("★") != sameness("☾")


def test_likeness_is_the_share_of_words_in_common():
    assert likeness("a crowd in town", "A CROWD") == pytest.approx(2 * 2 / 6)
    assert likeness("", "a crowd") == 0.0


@pytest.mark.parametrize(
    "address",
    [
        "https://www.snopes.com/fact-check/a-story/",
        "http://snopes.com",
        "HTTPS://WWW.SNOPES.COM:443/x",
        "https://user:secret@www.snopes.com/x",
        "https://example.org@snopes.com/x",
        "www.snopes.com/x",
        "//snopes.com/x",
        "https://snopes.com./x",
        "https://snopes。com/x",
        "https://ｓｎｏｐｅｓ.com/x",
        "https://%73nopes.com/x",
        " https://snopes.com/x\n",
        "https:\\\\snopes.com\\x",
        "https://web.archive.org/web/20200101/https://www.snopes.com/x",
        "https://www.google.com/url?q=https%3A%2F%2Fwww.snopes.com%2Fx",
        "https://www.google.com/amp/s/www.snopes.com/x",
        "https://www-snopes-com.cdn.ampproject.org/c/s/x",
        "https://www-snopes-com.translate.goog/x",
        "https://www.reuters.com/fact-check/a-story",
        "https://WWW.reuters.com//Fact-Check",
        "https://factcheck.afp.com/doc",
    ],
)
def test_a_page_of_a_fact_checker_is_known_by_its_domain(address):
    assert lies_in(address, FACT_CHECKERS)


@pytest.mark.parametrize(
    "address",
    [
        "https://notsnopes.com/x",
        "https://snopes.com.example.org/x",
        "https://snopes.com@example.org/x",
        "https://example.org/snopes.com",
        "https://example.org/?about=snopes.com",
        "https://example.org\\@snopes.com/x",
        "https://www.reuters.com/world/a-story",
        "https://www.reuters.com/fact-checkers-at-work",
        "https://afp.com/doc",
        "https://[broken/x",
        "https://",
        "",
        "mailto:someone",
    ],
)
def test_a_page_elsewhere_is_none_of_a_fact_checker(address):
    assert not lies_in(address, FACT_CHECKERS)


@given(
    st.lists(st.sampled_from(["www", "snopes", "com", "reuters", "org", "a-b", "0"]), min_size=2, max_size=4),
    st.lists(st.sampled_from(["fact-check", "amp", "s", "x.html", "A_b~"]), max_size=3),
    st.sampled_from(["", "?q=1&r=a+b", "#top", "/"]),
)
def test_a_plain_address_is_read_as_one_that_needs_a_closer_look(host, path, end):
    plain = "/".join([f"https://{'.'.join(host)}", *path]) + end
    assert lies_in(plain, FACT_CHECKERS) == lies_in(f"HTTPS{plain[5:]}", FACT_CHECKERS)


def test_a_domain_may_be_written_in_its_own_script_or_with_a_www():
    assert lies_in("https://xn--mnchen-3ya.example/x", ["münchen.example"])
    assert lies_in("https://MÜNCHEN.example/x", ["xn--mnchen-3ya.example"])
    assert not lies_in("https://example.org/x", [""])


@given(st.text())
def test_no_address_is_too_strange_to_be_looked_at(address):
    assert lies_in(address, FACT_CHECKERS) in (True, False)
    assert lies_in(f"https://{address}", [address]) in (True, False)


def test_every_domain_of_the_list_is_written_as_it_is_compared():
    assert all(lies_in(f"https://www.{domain}/x", [domain]) for domain in FACT_CHECKERS)
    assert len(set(FACT_CHECKERS)) == len(FACT_CHECKERS)
    assert all(domain == domain.lower() and "://" not in domain for domain in FACT_CHECKERS)


def test_a_domain_of_one_s_own_is_barred_beside_the_list_or_instead_of_it():
    found = Evidence(
        captions=("One", "Two", "Three"), sources=("https://a.org/x", "https://snopes.com", "https://b.org")
    )
    for domains, left in ((["fact-checkers"], 2), (["fact-checkers", "a.org"], 1), (["a.org"], 2), ([], 3)):
        assert len(Searched(barred_domains=domains).fair(found, "Other").evidence.captions) == left
    for wrong in ("", "org", "https://", "factcheckers"):
        with pytest.raises(ValidationError, match="is no domain: write it as site"):
            Searched(barred_domains=[wrong])


def test_captions_keep_the_addresses_of_their_pages():
    found = Evidence(
        captions=("One page", "Fact check: no", "One  PAGE", "Another page", "Third page"),
        sources=("https://a.org", "https://b.org", "https://c.org", "https://www.snopes.com/x", ""),
    )
    filtered = Searched().fair(found, "Third page!")
    assert filtered.evidence == Evidence(captions=("One page",), sources=("https://a.org",))
    assert filtered.evidence.sources == ("https://a.org",)
    assert filtered.counts == {
        "evidence captions left out that give the verdict away": 1,
        "evidence captions left out for the domain of their page": 1,
        "evidence captions left out that repeat another": 1,
        "evidence captions left out that equal the item's caption": 1,
    }


def test_a_text_that_also_stands_on_another_page_stays():
    found = Evidence(captions=("A page", "A page"), sources=("https://snopes.com/x", "https://a.org"))
    assert Searched().fair(found, "Other").evidence.sources == ("https://a.org",)


def test_evidence_that_equals_the_caption_goes_by_default_and_may_be_kept():
    texts = ("What the item says.", "Another text")
    assert captions(*texts) == ("Another text",)
    assert captions(*texts, duplicates="keep") == texts


@pytest.mark.parametrize("verdict", ["pristine", "falsified", None])
@pytest.mark.parametrize("duplicates", ["keep", "drop"])
def test_without_an_oracle_nothing_depends_on_the_label_or_on_the_image_s_own_caption(verdict, duplicates):
    found = Evidence(captions=("What the item says.", "What the image shows", "Another text"))
    benchmark = Known(duplicates=duplicates, ranking="caption")
    known = benchmark.known(found, "What the item says", verdict, "What the image shows")
    assert known == benchmark.fair(found, "What the item says")
    assert benchmark.oracles() == ()


def test_the_oracle_of_duplicates_takes_them_from_pristine_items_alone_and_says_so():
    found = Evidence(captions=("The caption", "Another text"))
    benchmark = Known(oracle_pristine_duplicates=True, duplicates="keep")
    assert benchmark.known(found, "The caption", "pristine", "").evidence.captions == ("Another text",)
    assert benchmark.known(found, "The caption", "falsified", "").evidence.captions == found.captions
    assert benchmark.known(found, "The caption", None, "").evidence.captions == found.captions
    assert benchmark.oracles() == (
        "Evidence that equals the caption is left out of pristine items alone, so that the label chooses what a model "
        "is shown, at test too (oracle_pristine_duplicates).",
    )
    assert (
        benchmark.evidence_notes([])["evidence that equals the caption"] == "oracle: left out of pristine items alone"
    )


def test_the_oracle_of_ranking_ranks_by_the_image_s_own_caption_and_says_so():
    found = Evidence(captions=("A match in Rome", "Police tape at the memorial"))
    benchmark = Known(oracle_ranking=True)
    ranked = benchmark.known(found, "A match in Rome 2014", "falsified", "Police tape surrounds the memorial")
    assert ranked.evidence.captions == ("Police tape at the memorial", "A match in Rome")
    assert benchmark.oracles() == (
        "Evidence is ranked by the caption that belongs to the image, which nobody has of a new post (oracle_ranking).",
    )


def test_evidence_may_be_ranked_by_the_item_s_own_caption():
    texts = ("Nothing alike", "The item of today", "Neither this")
    assert captions(*texts, ranking="caption") == ("The item of today", "Nothing alike", "Neither this")
    assert captions(*texts) == texts


def test_twins_that_share_their_evidence_go_on_sharing_it():
    found = Evidence(captions=("The true caption", "The other caption", "A page"))
    one = Searched().fair(found, "The true caption", ["The other caption"])
    two = Searched().fair(found, "The other caption", ["The true caption"])
    assert one.evidence == two.evidence == Evidence(captions=("A page",))


@pytest.mark.parametrize("name", BUILT_IN)
def test_no_prompt_shows_where_a_page_lies(name):
    found = Evidence(("Ottawa",), ("A page",), sources=("https://www.snopes.com/secret",))
    shown = Prompt(file=name).render(Item("a", "A caption", evidence=found))
    assert "snopes" not in shown


def test_entities_are_cleaned_and_those_that_give_the_verdict_away_are_left_out_and_counted():
    found = Evidence(entities=("Ottawa", "ottawa", "Fact-checking", "&#39;Parliament&#39;", " "))
    filtered = Searched().fair(found, "Anything")
    assert filtered.evidence.entities == ("Ottawa", "'Parliament'")
    assert filtered.counts == {"entities left out": 3}


def test_of_many_texts_the_first_are_kept_and_the_rest_is_counted():
    filtered = Searched(most_texts=2).fair(Evidence(captions=("abc", "d", "e")), "Other")
    assert filtered.evidence.captions == ("abc",)
    assert filtered.counts == {"evidence captions left out that are too short": 2}
    filtered = Searched(most_texts=2).fair(Evidence(captions=("one", "two", "three")), "Other")
    assert filtered.evidence.captions == ("one", "two")
    assert filtered.counts == {"evidence captions left out beyond the most that are kept": 1}


def test_notes_say_how_evidence_was_filtered_and_account_for_every_text():
    benchmark = Searched()
    filtered = [
        benchmark.fair(Evidence(captions=texts), "The caption")
        for texts in [("A page", "Is it so?"), (), ("The caption",)]
    ]
    assert benchmark.evidence_notes(filtered) == {
        "evidence captions found": 3,
        "evidence captions left out that equal the item's caption": 1,
        "evidence captions left out that give the verdict away": 1,
        "items for which no evidence caption was found": 1,
        "items whose every evidence caption was left out": 1,
        "evidence that equals the caption": "left out of every item",
        "order of evidence": "as found",
    }


@given(st.lists(st.text(max_size=12), max_size=8), st.text(max_size=12), st.sampled_from(["keep", "drop"]))
def test_every_text_is_kept_or_counted_once(texts, caption, duplicates):
    filtered = Searched(duplicates=duplicates).fair(Evidence(captions=tuple(texts)), caption)
    assert len(filtered.evidence.captions) + sum(filtered.counts.values()) == filtered.found == len(texts)


class Provides:
    @hookimpl
    def harness_benchmarks(self):
        return [Known]


MATRIX = """
benchmarks: {{known: {{uses: known, {option}}}}}
teachers: {{a: {{uses: evidence-overlap}}}}
students: {{probe: {{uses: probe}}}}
"""


REFUSED = {
    "duplicates: drop-for-pristine": (
        "matrix.yaml:2:47: benchmarks.known.duplicates: whether a text that equals the caption is left out must not "
        "depend on the label: where it is left out for pristine items alone, as in the protocol of Abdelnabi et al. "
        "(CVPR 2022), the evidence has been chosen by the answer, at test too; 'drop' treats all items alike, and a "
        "benchmark that can reproduce that protocol calls it oracle_pristine_duplicates"
    ),
    "ranking: image-caption": (
        "matrix.yaml:2:44: benchmarks.known.ranking: ranking by the caption that belongs to the image needs what "
        "nobody has of a new post: for a falsified item it is the truth that is asked for; 'caption' ranks by the "
        "item's own caption, and a benchmark that can reproduce rankings by the image's calls it oracle_ranking"
    ),
    "ranking: best": "matrix.yaml:2:44: benchmarks.known.ranking: Input should be 'as-found' or 'caption'",
}


@pytest.mark.parametrize("option", REFUSED)
def test_a_protocol_that_leaks_is_refused_with_the_reason(option):
    with pytest.raises(MatrixError) as caught:
        reading.parse(MATRIX.format(option=option), Registry.installed() + Registry.of(Provides()), "matrix.yaml")
    assert REFUSED[option] in str(caught.value).splitlines()
