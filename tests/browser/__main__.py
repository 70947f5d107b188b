"""make check-report: the HTML report in a real browser, with axe-core and a corpus of hostile texts."""

import hashlib
import json
import shutil
import subprocess
import sys
import tempfile
from base64 import b64decode
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from chromium import Chromium, Witness, found
from corpus import pages

AXE = "4.14.1"
DIGEST = "29348999450cdf2849a8e70b7912fc2da85a849da39c0d0d5394f51d4a9ed95c"
BUILD = Path("build") / "check-report"
LOOKS = {"light": {}, "dark": {"dark": True}, "phone": {"width": 390, "height": 844}}
WIDTHS = (320, 390, 768, 1280)
RUN = """axe.run(document, {resultTypes: ['violations']}).then(result => JSON.stringify(result.violations.map(
  found => `${found.id}, ${found.nodes.length} times, first ${found.nodes[0].html.slice(0, 200)}`)))"""
NUMBERS = "JSON.stringify([...document.querySelectorAll('[data-value]')].map(c => c.textContent))"
UNFOLD = "document.querySelectorAll('details').forEach(d => { d.open = true; })"
OWNED = "Number(Boolean(window.owned))"
GUILTY = (
    "<script>window.owned = 1; console.error('wrong'); fetch('https://example.org/')</script>"
    "<img src='https://example.org/x.png'>"
)


def axe():
    """The source of axe-core, from npm in the version that is pinned."""
    file = BUILD / "node_modules" / "axe-core" / "axe.min.js"
    if not file.is_file() or hashlib.sha256(file.read_bytes()).hexdigest() != DIGEST:
        npm = ["npm", "install", "--no-save", "--ignore-scripts", "--no-audit", "--no-fund", "--prefix", str(BUILD)]
        subprocess.run([*npm, f"axe-core@{AXE}"], check=True, stdout=subprocess.DEVNULL)
    if hashlib.sha256(file.read_bytes()).hexdigest() != DIGEST:
        raise SystemExit(f"axe-core {AXE} is not the one that is expected")
    return file.read_text(encoding="utf-8")


def without_script(browser, name, file):
    """The page's cells, as they are without any script."""
    browser.open(file, scripts=False)
    numbers = json.loads(browser.evaluate(NUMBERS))
    folded = browser.evaluate("document.documentElement.scrollWidth - window.innerWidth")
    if folded > 0:
        browser.witness.errors.append(f"{name}: {folded} pixels too wide without scripts")
    return numbers


def looked_at(browser, name, file, source, pictures):
    """Violations in each look; pictures of the plain page are kept."""
    violations = []
    for look, options in LOOKS.items():
        browser.open(file, **options)
        if name == "done":
            picture(browser, pictures / f"{look}.png")
        if name.startswith("open-"):
            continue
        browser.evaluate(UNFOLD)
        browser.evaluate(f"{source};1")
        violations += [f"{name}, {look}: {violation}" for violation in json.loads(browser.evaluate(RUN))]
    return violations


def measured(browser, name, file, plain):
    """Faults of the page at all widths, and numbers that scripts have changed or hidden."""
    browser.open(file)
    faults = [] if json.loads(browser.evaluate(NUMBERS)) == plain else [f"{name}: numbers differ without scripts"]
    browser.evaluate(UNFOLD)
    for width in WIDTHS:
        browser.resize(width)
        over = browser.evaluate("document.documentElement.scrollWidth - window.innerWidth")
        faults += [f"{name}: {over} pixels too wide at {width}"] if over > 0 else []
    return faults


def picture(browser, file):
    """The whole page as it looks now."""
    data = browser.send("Page.captureScreenshot", captureBeyondViewport=True)["data"]
    file.write_bytes(b64decode(data))


def sees(browser, source, folder):
    """Whether the browser notices a page that does all that is forbidden; what it noticed is forgotten."""
    file = folder / "guilty.html"
    file.write_text(GUILTY, encoding="utf-8")
    browser.open(file)
    browser.evaluate(f"{source};1")
    seen = (browser.evaluate(OWNED), json.loads(browser.evaluate(RUN)), *browser.witness.found())
    browser.witness = Witness()
    return all(seen)


def printed(browser, file, pictures):
    """The page as it is printed."""
    browser.open(file)
    data = browser.send("Page.printToPDF", preferCSSPageSize=True, printBackground=True)["data"]
    (pictures / "print.pdf").write_bytes(b64decode(data))


def main():
    """Prints what was found and a line of sums; 1 where it is not all zero."""
    program = found()
    if program is None or shutil.which("npm") is None:
        missing = "no Chromium" if program is None else "no npm"
        print(f"check-report: skipped, there is {missing} on the path")
        return 0
    BUILD.mkdir(parents=True, exist_ok=True)
    source, violations, executed = axe(), [], 0
    with tempfile.TemporaryDirectory() as folder, Chromium(program, Path(folder) / "profile") as browser:
        if not sees(browser, source, Path(folder)):
            raise SystemExit("check-report: this browser does not notice a page that does all that is forbidden")
        for name, file in pages(Path(folder)):
            plain = without_script(browser, name, file)
            found_here = looked_at(browser, name, file, source, BUILD)
            browser.witness.errors += measured(browser, name, file, plain)
            executed += browser.evaluate(OWNED)
            violations += found_here
            print(f"{name}: {len(plain)} cells, {len(found_here)} violations", flush=True)
            if name == "done":
                printed(browser, file, BUILD)
        witness = browser.witness
    executed += len(witness.dialogs)
    for line in (*witness.requests, *witness.errors, *violations):
        print("  " + line)
    sums = (len(witness.requests), len(witness.errors), len(violations), executed)
    print("requests={} errors={} violations={} executed={}".format(*sums))
    return int(any(sums))


if __name__ == "__main__":
    sys.exit(main())
