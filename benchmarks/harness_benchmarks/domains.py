"""Web addresses by the domain that they lie in, and the domains of fact-checkers."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from urllib.parse import unquote, urlsplit

FACT_CHECKERS = (
    # North America, and sites that check in English for everywhere
    "snopes.com", "politifact.com", "factcheck.org", "leadstories.com", "truthorfiction.com", "checkyourfact.com",
    "hoax-slayer.com", "hoax-slayer.net", "polygraph.info", "verifythis.com", "sciencefeedback.co",
    "science.feedback.org", "climatefeedback.org", "healthfeedback.org", "logicallyfacts.com", "euvsdisinfo.eu",
    "stopfake.org",
    "reuters.com/fact-check", "apnews.com/ap-fact-check", "apnews.com/hub/ap-fact-check",
    "usatoday.com/story/news/factcheck", "washingtonpost.com/news/fact-checker",
    "washingtonpost.com/politics/fact-checker",
    "cnn.com/factsfirst", "bbc.com/news/reality_check", "bbc.co.uk/news/reality_check",
    # AFP, by language
    "factcheck.afp.com", "factuel.afp.com", "factual.afp.com", "faktencheck.afp.com", "checamos.afp.com",
    "sprawdzam.afp.com", "periksafakta.afp.com",
    # British Isles, Australia
    "fullfact.org", "theferret.scot", "channel4.com/news/factcheck", "thejournal.ie/factcheck", "aap.com.au/factcheck",
    # Europe
    "correctiv.org/faktencheck", "dpa-factchecking.com",
    "mimikama.at", "mimikama.org", "demagog.org.pl", "demagog.cz", "konkret24.tvn24.pl",
    "tvn24.pl/konkret24", "pagellapolitica.it", "facta.news", "butac.it", "bufale.net", "maldita.es", "newtral.es",
    "verificat.cat", "ellinikahoaxes.gr", "faktograf.hr", "raskrinkavanje.ba", "raskrikavanje.rs", "istinomer.rs",
    "vistinomer.mk", "factual.ro", "faktisk.no", "faktabaari.fi", "tjekdet.dk", "nieuwscheckers.nl",
    "lemonde.fr/les-decodeurs", "liberation.fr/checknews", "poligrafo.sapo.pt", "teyit.org", "dogrulukpayi.com",
    # South and East Asia
    "altnews.in", "boomlive.in", "factly.in", "factcrescendo.com", "vishvasnews.com", "newschecker.in",
    "newsmeter.in/fact-check", "smhoaxslayer.com", "youturn.in", "factchecker.in", "thequint.com/news/webqoof",
    "indiatoday.in/fact-check", "rumorscanner.com", "verafiles.org", "rappler.com/newsbreak/fact-check",
    "tfc-taiwan.org.tw", "mygopen.com", "cofacts.tw", "cekfakta.com", "turnbackhoax.id", "annielab.org",
    "factchecklab.org",
    # Africa and the Arab world
    "africacheck.org", "pesacheck.org", "dubawa.org", "factcheckhub.com", "ghanafact.com", "zimfact.org",
    "congocheck.net", "211check.org", "misbar.com", "fatabyyano.net", "verify-sy.com",
    # Latin America
    "chequeado.com", "colombiacheck.com", "aosfatos.org", "lupa.uol.com.br", "piaui.folha.uol.com.br/lupa",
    "boatos.org", "e-farsas.com", "boliviaverifica.bo", "ecuadorchequea.com", "cotejo.info",
)  # fmt: skip
"""Registered domains of sites that check facts, and sections of newspapers that do, as far as these are apart."""

LIST = "fact-checkers"
"""Stands for all of them in an option."""

_NESTED = re.compile(r"https?:/{1,2}", re.IGNORECASE)
_SCHEME = re.compile(r"[a-z][a-z0-9+.-]*://", re.IGNORECASE)
# Nearly every address: nothing in it is escaped, nested or a mirror. Of half a million, each must take microseconds.
_PLAIN = re.compile(r"https?://([a-z0-9-]+(?:\.[a-z0-9-]+)+)((?:/(?!/|amp/)[\w.~-]*)*)(?:[?#][\w.~=&+-]*)?")
_BLANKS = re.compile(r"[\x00-\x20\x7f]+")
# Copies under a name in which the site's dots are hyphens, and its hyphens two.
_MIRRORS = (".cdn.ampproject.org", ".translate.goog")


def lies_in(address: str, domains: Iterable[str]) -> bool:
    """Whether a page's address lies in one of the domains, or below one of their folders (``site.org/checks``).

    Whole labels are compared: neither ``notsnopes.com`` nor ``snopes.com.example.org`` is in ``snopes.com``.
    Copies in an archive, a cache or a translation lie where their original does. `LIST` stands for `FACT_CHECKERS`.
    """
    folders = _folders(tuple(domains))
    return any(
        f"{path}/".startswith(f"{folder}/")
        for host, path in _places(address)
        for name in _above(host)
        for folder in folders.get(name, ())
    )


@lru_cache(maxsize=16)
def _folders(domains: tuple[str, ...]) -> Mapping[str, Sequence[str]]:
    """Folders by the name that they lie at; an empty one is all that lies there."""
    found: dict[str, list[str]] = {}
    for domain in domains:
        for name, folder in map(_place, FACT_CHECKERS if domain == LIST else [domain]):
            if name:
                found.setdefault(name, []).append(folder)
    return found


def checked(domains: tuple[str, ...]) -> tuple[str, ...]:
    """The domains, each of which must be one; raises `ValueError`."""
    for domain in domains:
        if domain != LIST and "." not in _place(domain)[0].strip("."):
            raise ValueError(
                f"{domain!r} is no domain: write it as site.org or site.org/folder, or {LIST} for a list of them"
            )
    return domains


def _above(host: str) -> Iterator[str]:
    """A host's name, and those of the domains that it is in."""
    while host:
        yield host
        host = host.partition(".")[2]


def _places(address: str) -> list[tuple[str, str]]:
    """Host and path of an address, and of every address that is written within it."""
    if (plain := _PLAIN.fullmatch(address)) and not plain[1].endswith(_MIRRORS):
        return [(plain[1], plain[2].casefold().rstrip("/"))]
    text = _BLANKS.sub("", unquote(address[:4000]))
    starts = [0, *(found.start() for found in _NESTED.finditer(text) if found.start())][:8]
    places = [_place(text[start:]) for start in starts]
    # news.example.com/amp/s/www.site.org/page: a cache that leaves the scheme of the original out.
    places += [_place(text.partition("/amp/s/")[2])] if "/amp/s/" in text else []
    return places


def _place(address: str) -> tuple[str, str]:
    """Host in lower case and in ASCII, and path without the slash at its end; empty where there is no host."""
    # Browsers read a backslash as a slash; what stands before an @ or after a colon is no part of the name.
    text = address.replace("\\", "/").lstrip("/")
    try:
        parts = urlsplit(text if _SCHEME.match(text) else f"//{text}")
        host = parts.hostname or ""
    except ValueError:
        return "", ""
    return _original(_ascii(host)), re.sub(r"/{2,}", "/", parts.path.casefold()).rstrip("/")


def _ascii(host: str) -> str:
    if host.isascii():
        return host.casefold().strip(".")
    try:
        name = host.encode("idna").decode("ascii")
    except UnicodeError:
        name = host
    return name.casefold().strip(".")


def _original(host: str) -> str:
    """The site that a mirror's name spells."""
    for mirror in _MIRRORS:
        if host.endswith(mirror):
            return host.removesuffix(mirror).replace("--", "\0").replace("-", ".").replace("\0", "-")
    return host
