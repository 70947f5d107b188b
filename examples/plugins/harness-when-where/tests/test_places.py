from collections import Counter

import pytest

from harness.api import DataError
from harness_when_where.mentions import find_mentions
from harness_when_where.places import BUILT_IN, Gazetteer, Place, read_rows

GAZETTEER = Gazetteer.read(BUILT_IN)


def named(text, gazetteer=GAZETTEER):
    return ["/".join(mention.place.path) for mention in find_mentions(text, gazetteer)]


def one(text):
    (mention,) = find_mentions(text, GAZETTEER)
    return mention.place


def test_the_built_in_gazetteer_knows_the_world():
    kinds = Counter(row.kind for row in read_rows(BUILT_IN))
    assert kinds["country"] >= 195
    assert kinds["city"] >= 300
    capitals = ["Kyiv", "Nairobi", "Canberra", "Ottawa", "Brasília", "N'Djamena", "Ulaanbaatar", "Wellington"]
    assert [named(f"in {capital}")[0].split("/")[0] for capital in capitals] == [
        "Ukraine", "Kenya", "Australia", "Canada", "Brazil", "Chad", "Mongolia", "New Zealand",
    ]  # fmt: skip


def test_no_place_of_the_built_in_gazetteer_stands_there_twice():
    rows = Counter((row.name, row.inside) for row in read_rows(BUILT_IN))
    assert [key for key, count in rows.items() if count > 1] == []


def test_a_place_contains_itself_and_what_lies_in_it():
    paris, france, mumbai = one("in Paris"), one("in France"), one("in Mumbai")
    assert france.contains(paris)
    assert not paris.contains(france)
    assert one("in Maharashtra").contains(mumbai)
    assert one("in India").contains(one("in Maharashtra"))
    assert paris.contains(paris)


def test_places_are_apart_where_both_cannot_be_meant():
    assert one("in Paris").is_apart(one("in Germany"))
    assert one("in Paris").is_apart(one("in Lyon"))
    assert one("in Mumbai").is_apart(one("in Gujarat"))
    assert not one("in Paris").is_apart(one("in France"))


def test_a_city_may_lie_in_any_region_of_its_country_where_its_own_is_not_known():
    assert not one("in Dire Dawa").is_apart(one("in Oromia"))
    assert one("in Dire Dawa").is_apart(one("in Mekelle"))


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("Crowds in Bombay", "India/Maharashtra/Mumbai"),
        ("the Danish coast", "Denmark"),
        ("Ethiopians queue", "Ethiopia"),
        ("Côte d'Ivoire", "Ivory Coast"),
        ("SÃO PAULO", "Brazil/Sao Paulo"),
        ("St. Petersburg", "Russia/St Petersburg"),
        ("the U.S. border", "United States"),
        ("South Sudan's army", "South Sudan"),
        ("Guinea-Bissau", "Guinea-Bissau"),
        ("ethiopian soldiers, all in small letters", "Ethiopia"),
        ("Paris, France", "France/Paris"),
        ("Amman, Jordan", "Jordan/Amman"),
        ("Rome (Italy)", "Italy/Rome"),
    ],
)
def test_names_are_found_in_many_forms(text, path):
    assert named(text) == [path]


def test_an_ambiguous_name_says_nothing_unless_the_text_says_which():
    assert named("A fire in Birmingham") == named("A fire in Georgia") == named("A fire in Congo") == []
    assert named("A fire in Birmingham, Alabama") == ["United States/Alabama/Birmingham"]
    assert named("A fire in Hyderabad, Pakistan") == ["Pakistan/Sindh/Hyderabad"]
    assert named("A fire in Tbilisi, Georgia") == ["Georgia/Tbilisi"]


def test_an_ambiguous_name_says_what_its_places_have_in_common():
    assert named("A fire in Portland") == ["United States"]


def test_a_town_that_is_not_the_known_one_of_its_name_leaves_its_region():
    assert named("A fire in Paris, Texas") == ["United States/Texas"]


def test_a_name_that_people_have_counts_after_a_word_of_place_only():
    assert named("Michael Jordan smiles") == named("Jordan smiles") == []
    assert named("Smiles in Jordan") == ["Jordan"]


@pytest.mark.parametrize(
    "text",
    [
        "The New York Times",
        "Times of India",
        "the Duke of York",
        "Manchester United",
        "South America",
        "the Paris Agreement",
        "help us",
        "HELP US NOW",
        "the turkey and the china",
        "Arden, Belmar and Corvo",
        "Middle-earth",
        "",
    ],
)
def test_what_only_looks_like_a_place_is_none(text):
    assert named(f"Well: {text}") == []


def test_a_place_that_another_one_of_the_text_lies_in_is_left_out():
    assert named("The French president in Paris, in all of France") == ["France/Paris"]


def test_further_places_are_read_with_the_built_in_ones(tmp_path):
    file = tmp_path / "more.csv"
    file.write_text(
        "kind,name,inside,also,adjectives,doubtful\n"
        "city,Dunmore,Ruritania,Dun More,Dunmorian,\ncountry,Ruritania,,,Ruritanian,\ncity,Ribe,Denmark,,,yes\n"
    )
    more = Gazetteer.read(BUILT_IN, file)
    assert named("Dun More, Ribe and Ruritanians", more) == ["Ruritania/Dunmore"]
    assert named("Floods in Ribe", more) == ["Denmark/Ribe"]
    assert Place(("Denmark",)).contains(Place(("Denmark", "Ribe"), is_city=True))


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ("name\nA", "more.csv:1: the columns must be kind,name,inside,also,adjectives,doubtful"),
        ("town,A,France,,,", "more.csv:2: kind 'town' is none of country, region, city, nowhere"),
        ("city,A,France,,", "more.csv:2: does not have 6 fields"),
        ("city,A,France,,,,", "more.csv:2: does not have 6 fields"),
        ("city,A,France,,,maybe", "more.csv:2: doubtful is 'maybe', neither yes nor empty"),
        ("city,,France,,,", "more.csv:2: has no name"),
        ("city,A,Frnce,,,", "more.csv:2: no place is called 'Frnce'"),
        ("city,A,Georgia,,,", "more.csv:2: more than one place is called 'Georgia'"),
        ("region,A,B,,,\nregion,B,A,,,", "lies inside itself"),
    ],
)
def test_a_faulty_file_is_refused_with_its_line(tmp_path, lines, message):
    file = tmp_path / "more.csv"
    head = "" if lines.startswith("name") else "kind,name,inside,also,adjectives,doubtful\n"
    file.write_text(head + lines + "\n")
    with pytest.raises(DataError) as caught:
        Gazetteer.read(BUILT_IN, file)
    assert message in str(caught.value).splitlines()[0]
