"""The site in a real browser, opened from its folder and from a server: it works, and nothing planted acts."""

from __future__ import annotations

import json
import re
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from chromium import CHROMIUM, DRIVER, Browser, browser
from hostile import ALL, COMMENT, HUGE, IMAGE, NAMES, SCRIPT
from many_runs import data_file, write_run

from groundeval.comparison.compare import compare, open_run
from groundeval.console.sanitize import one_line, visible
from groundeval.leaderboard.build import board_name, build
from groundeval.leaderboard.compare_page import write_comparison
from groundeval.leaderboard.reported import SHIPPED
from groundeval.leaderboard.serve import open_server

EXAMPLES = SHIPPED.parent / "example_runs"
pytest.importorskip("selenium")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not (CHROMIUM and DRIVER), reason="chromium and chromedriver are not installed"),
]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The example runs and, in the same table, runs that attack; one has a thousand samples."""
    folder = tmp_path_factory.mktemp("site")
    data = data_file(folder / "data.json", 1000)
    write_run(folder / "runs", "large", samples=1000, data=data, prompts=True)
    for number, attack in enumerate(ALL):
        name = attack.replace("\ud800", "")
        write_run(
            folder / "runs",
            f"planted {name}",
            samples=10,
            seed=number,
            title=name,
            outputs=lambda n: [*ALL, HUGE, ""][n],
        )
    for number, name in enumerate(NAMES):
        outputs = [*NAMES, *ALL]
        write_run(
            folder / "runs",
            name,
            samples=10,
            seed=number,
            title=name,
            outputs=lambda n, texts=outputs: texts[n],
        )
    (folder / "runs" / "history.json").write_text(json.dumps([{"step": step, "reward": step / 9} for step in range(9)]))
    benchmark = {"rewards": ["a", "b"], "attacks": ["1", "9a", "12"], "values": [[50, None, 99.5], [0, 1, 2]]}
    (folder / "runs" / "reward_benchmark.json").write_text(json.dumps(benchmark))
    built = build([EXAMPLES, folder / "runs"], folder / "out", data=[data])
    assert not built.rejected
    return built.site


@pytest.fixture(scope="module", params=["file", "http"])
def address(request: pytest.FixtureRequest, site: Path) -> Iterator[str]:
    if request.param == "file":
        yield site.as_uri()
        return
    with open_server(site, 0, private=True) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.address.rstrip("/")
        server.shutdown()


@pytest.fixture(scope="module")
def window(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with browser(tmp_path_factory.mktemp("profile")) as opened:
        yield opened


@pytest.fixture
def page(window: Browser, address: str) -> Iterator[Browser]:
    """The leaderboard, with all figures drawn; afterwards nothing may have gone wrong."""
    window.open(f"{address}/index.html")
    window.until(lambda: all(each.find_elements("css selector", ".main-svg") for each in shown_plots(window)))
    yield window
    assert window.errors() == []
    assert [each for each in window.requests() if not each.startswith((f"{address}/", "data:", "chrome"))] == []
    assert window.run("window.planted") is None


def shown_plots(window: Browser) -> list[Any]:
    return window.all("figure:not([hidden]) .plot")


def test_the_reader_chooses_light_or_dark_and_it_stays(page: Browser):
    before = page.run("getComputedStyle(document.body).backgroundColor")
    page.find("button.theme").click()
    page.until(lambda: page.run("getComputedStyle(document.body).backgroundColor") != before)
    chosen = page.run("getComputedStyle(document.body).backgroundColor")
    page.driver.refresh()
    page.until(lambda: page.run("getComputedStyle(document.body).backgroundColor") == chosen)
    page.find("button.theme").click()
    page.until(lambda: page.run("getComputedStyle(document.body).backgroundColor") == before)


def test_the_overview_names_the_best_of_each_task_and_leads_there(page: Browser):
    rows = page.all("#overview tbody tr")
    assert len(rows) == len(page.all("table.leaderboard"))
    page.find(f"#overview a[href='#{BOARD}']").click()
    page.until(lambda: page.run(f"Math.abs(document.getElementById('{BOARD}').getBoundingClientRect().top) < 200"))
    assert page.find("nav.sticky").is_displayed()
    assert page.run("document.querySelector('nav.sticky').getBoundingClientRect().top") == 0


def test_intervals_are_readable_without_a_pointer_and_points_have_names(page: Browser):
    shown = page.run(f"getComputedStyle(document.querySelector('{TABLE} tbody td[data-interval]'), '::after').content")
    assert "–" in shown
    plots = page.run("[...document.querySelectorAll('.plot .textpoint')].map(t => t.textContent)")
    assert any("smollm2" in each for each in plots)


BOARD = board_name("asqa", "alce")
TABLE = f"#{BOARD}-table"


def values(page: Browser, column: int) -> list[float]:
    """The numbers of a column among the rows under the proxy's heading."""
    return [
        float(row.find_element("css selector", f":scope > :nth-child({column})").text)
        for row in page.all(f"{TABLE} tbody tr[data-judge='lexical (proxy)']")
    ]


def test_a_click_on_a_heading_sorts_within_the_groups_and_reported_rows_stay_behind(page: Browser):
    page.find(f".controls[data-for={BOARD}-table] .with-reported").click()
    page.until(lambda: page.all(f"{TABLE} tr[data-reported]"))
    heading = page.find(f"{TABLE} th[title=str_em]")
    heading.click()
    page.until(lambda: heading.get_attribute("aria-sort") == "descending")
    descending = values(page, 4)
    heading.click()
    page.until(lambda: heading.get_attribute("aria-sort") == "ascending")
    assert descending == sorted(descending, reverse=True)
    assert values(page, 4) == sorted(descending)
    assert len(set(descending)) > 5
    kinds = [
        "data-reported" in (row.get_attribute("outerHTML") or "")[:200]
        for row in page.all(f"{TABLE} tbody tr[data-judge]")
    ]
    assert kinds == sorted(kinds)


def test_a_heading_can_be_sorted_by_keyboard(page: Browser):
    heading = page.find(f"{TABLE} th[title=citation_rec]")
    page.run("arguments[0].querySelector('[tabindex]')?.focus() ?? arguments[0].focus()", heading)
    page.driver.switch_to.active_element.send_keys("\ue007")
    page.until(lambda: heading.get_attribute("aria-sort") in ("ascending", "descending"))


def test_the_search_leaves_the_rows_that_hold_the_words(page: Browser):
    page.find(f".controls[data-for={BOARD}-table] input[type=search]").send_keys("vicuna")
    page.until(lambda: len(page.all(f"{TABLE} tbody tr[data-judge]")) < 12)
    assert all("vicuna" in text.lower() for text in page.texts(f"{TABLE} tbody .system"))


def test_filters_leave_one_judge_and_take_reported_rows_away(page: Browser):
    controls = f".controls[data-for={BOARD}-table]"
    assert not page.all(f"{TABLE} tr[data-reported]"), "numbers from papers are shown when asked for"
    assert not page.all(f"{TABLE} th[title=mauve]"), "so is a column that only papers fill"
    sources = page.find(f"#{BOARD} .sources")
    assert not sources.is_displayed()
    page.find(f"{controls} .with-reported").click()
    page.until(lambda: page.all(f"{TABLE} tr[data-reported]"))
    assert page.find(f"{TABLE} th[title=mauve]").is_displayed()
    assert sources.is_displayed()
    page.find(f"{controls} .with-reported").click()
    page.until(lambda: not page.all(f"{TABLE} tr[data-reported]"))
    options = {option.text: option for option in page.all(f"{controls} .judge option")}
    options["lexical (proxy)"].click()
    page.until(
        lambda: (
            {row.get_attribute("data-judge") for row in page.all(f"{TABLE} tbody tr[data-judge]")}
            == {"lexical (proxy)"}
        )
    )


def test_names_that_attack_are_shown_as_text(page: Browser):
    shown = " ".join(page.texts(f"{TABLE} tbody .system"))
    assert "<script>window.planted = 1" in shown
    assert "\\u202e" in shown
    for name in NAMES:
        assert one_line(name, 80)[:40] in shown
    assert page.all(f"{TABLE} td, {TABLE} th")[0].is_displayed()


def test_names_in_plots_are_shown_as_text(page: Browser):
    """All that plotly makes of a name: the label under the pointer, of every point, and nothing but text in it."""
    page.driver.set_script_timeout(120)
    seen, made = page.driver.execute_async_script(POINT_AT_EVERYTHING)
    assert made == 0
    for name in (*NAMES, SCRIPT, IMAGE):
        shown = one_line(name, 60).replace("%{", "% {")[:50]
        assert " ".join(shown.split()) in " ".join(seen.split())


POINT_AT_EVERYTHING = """
const done = arguments[arguments.length - 1];
(async () => {
  let seen = "", made = 0;
  for (const plot of document.querySelectorAll(".plot")) {
    for (const [curve, trace] of plot.data.entries()) {
      for (const point of (trace.text || []).keys()) {
        Plotly.Fx.unhover(plot);
        await new Promise((next) => setTimeout(next, 60));
        Plotly.Fx.hover(plot, [{ curveNumber: curve, pointNumber: point }]);
        for (const label of plot.querySelectorAll(".hoverlayer text")) seen += ` ${label.textContent} `;
        made += plot.querySelectorAll("a, img, script, iframe, foreignObject").length;
      }
    }
  }
  return [seen, made];
})().then(done);
"""


INJECTED = """(() => {
  const place = document.createElement("div");
  document.body.append(place);
  place.innerHTML = "<img src='data:,' onerror='window.planted = 1'>";
  const script = document.createElement("script");
  script.textContent = "window.planted = 2";
  place.append(script);
  const link = document.createElement("a");
  link.href = "javascript:void(window.planted = 3)";
  place.append(link);
  link.click();
  const remote = document.createElement("script");
  remote.src = "data:text/javascript,window.planted = 4";
  place.append(remote);
  const frame = document.createElement("iframe");
  frame.srcdoc = "<script>parent.planted = 5</scr" + "ipt>";
  place.append(frame);
  return true;
})()"""


def test_even_what_gets_into_a_page_does_not_act(window: Browser, address: str):
    """The policy itself, on every kind of page, as it is in force when a page is opened from a folder too."""
    window.open(f"{address}/index.html")
    run = window.find(f"{TABLE} a[href*='runs/large--']").get_attribute("href")
    for page in (f"{address}/index.html", run):
        window.open(page)
        window.errors()
        assert "script-src 'self'" in window.find("meta[http-equiv=Content-Security-Policy]").get_attribute("content")
        assert window.run(INJECTED)
        window.until(lambda: len([each for each in window.errors() if "Content Security Policy" in each]) > 0)
        time.sleep(0.3)
        assert window.run("window.planted") is None
    window.requests()


def test_the_comparison_page_has_the_policy_too(window: Browser, tmp_path: Path):
    names = (SCRIPT, COMMENT)
    runs = [open_run(write_run(tmp_path / "runs", each, samples=10, seed=number)) for number, each in enumerate(names)]
    write_comparison(compare(runs), tmp_path / "out")
    window.open((tmp_path / "out" / "compare.html").as_uri())
    assert window.errors() == []
    assert SCRIPT in window.find("body").text
    assert window.run(INJECTED)
    window.until(lambda: len([each for each in window.errors() if "Content Security Policy" in each]) > 0)
    time.sleep(0.3)
    assert window.run("window.planted") is None
    window.requests()


def test_a_thousand_samples_open_in_under_two_seconds(page: Browser):
    link = page.find(f"{TABLE} a[href*='runs/large--']").get_attribute("href")
    tries = []
    for _ in range(3):
        page.open("about:blank")
        started = time.monotonic()
        page.open(link)
        page.until(lambda: page.find("#sample h2").text == "What is city 0?")
        tries.append(time.monotonic() - started)
        assert page.run("document.querySelectorAll('#samples li').length") == 1000
    print(f"1,000 samples open in {min(tries):.2f} s")
    assert min(tries) < 2


def test_a_sample_shows_its_evidence_and_a_citation_leads_to_its_document(page: Browser):
    table = f"#{board_name('trust_asqa', 'trust')}-table"
    page.open(page.find(f"{table} a[href*='runs/smollm2']").get_attribute("href"))
    page.until(lambda: page.all("#samples a"))
    page.all("#samples a")[1].click()
    page.until(lambda: page.find("#sample h2").text == "When was the university in Cambridge founded?")
    for title in ("Response", "Statements", "Gold answers", "Metrics of this sample", "Documents"):
        assert title.upper() in page.texts("#sample h3")
    page.until(lambda: page.all("#sample .statements a.citation"))[0].click()
    followed = page.until(lambda: page.find(".document.followed"))
    assert followed.get_attribute("id") == "document-1"
    page.until(
        lambda: page.run("(r => r.top >= 0 && r.bottom <= innerHeight)(arguments[0].getBoundingClientRect())", followed)
    )
    page.find("#sample .prompt summary").click()
    page.until(lambda: "Cambridge" in page.find("#sample .prompt pre").text)
    page.find("#sample .verdicts summary").click()
    verdicts = page.until(lambda: page.texts("#sample .verdicts li"))
    assert "Entailed from a score of 0.5 on." in page.texts("#sample .verdicts > p")[0]
    for verdict in verdicts:
        # What is entailed lies at or above the threshold, what is not lies below it.
        assert ("margin −" in verdict) == ("not entailed" in verdict), verdict


def test_the_evidence_of_a_verdict_is_marked_in_its_document(page: Browser):
    table = f"#{board_name('trust_asqa', 'trust')}-table"
    page.open(page.find(f"{table} a[href*='runs/smollm2']").get_attribute("href"))
    page.until(lambda: page.all("#samples a"))
    page.all("#samples a")[1].click()
    page.until(lambda: page.find("#sample h2").text == "When was the university in Cambridge founded?")
    page.all("#sample .statements button.evidence")[0].click()
    [marked] = page.until(
        lambda: page.run("[[...document.querySelectorAll('#document-1 mark')].map(m => m.textContent)]")
    )
    judged = set(page.texts("#sample .statements li")[0].lower().split())
    assert marked
    assert all(judged & set(each.lower().split()) for each in marked)
    whole = page.run("document.querySelector('#document-1 p').textContent")
    assert all(each in whole for each in marked)
    assert page.run("document.querySelectorAll('.document:not(.read) mark').length") == 0


def test_j_and_k_go_to_the_next_sample_and_back_and_typing_does_not(page: Browser):
    page.open(page.find(f"{TABLE} a[href*='runs/large--']").get_attribute("href"))
    page.until(lambda: page.find("#sample h2").text == "What is city 0?")
    press = page.find("body").send_keys
    press("j")
    page.until(lambda: page.find("#sample h2").text == "What is city 1?")
    press("j")
    page.until(lambda: page.find("#sample h2").text == "What is city 2?")
    press("k")
    page.until(lambda: page.find("#sample h2").text == "What is city 1?")
    page.find("#search").send_keys("j")
    assert page.find("#sample h2").text == "What is city 1?"
    page.find("#search").clear()


def test_two_runs_are_shown_side_by_side_and_differences_come_first(page: Browser):
    table = f"#{board_name('trust_asqa', 'trust')}-table"
    page.open(page.find(f"{table} a[href*='runs/smollm2']").get_attribute("href"))
    page.until(lambda: page.all("#samples a"))
    assert not page.find("#other").is_displayed()
    page.all("#beside option")[1].click()
    page.until(lambda: page.find("#other h2").text == page.find("#sample h2").text)
    name = page.all("#beside option")[1].text
    assert page.find("#theirs").text == f"Second line: {name}"
    # Each headline number has that of the other run, as on its own page, below it.
    theirs = page.texts(".numbers [data-key] dd.theirs")
    assert len(theirs) == len(page.all(".numbers [data-key]")) >= 3
    assert page.find("#other .response").text != page.find("#sample .response").text
    choose(page, "#order", "largest difference first")
    rows = page.run("[...document.querySelectorAll('#samples a')].map(a => a.querySelectorAll('.value'))")
    pairs = [[float(each.text) for each in row] for row in rows]
    gaps = [abs(a - b) for a, b in pairs]
    assert gaps == sorted(gaps, reverse=True)
    page.all("#beside option")[0].click()
    page.until(lambda: not page.find("#other").is_displayed())
    assert not page.all(".numbers dd.theirs")
    other = page.all("#beside option")[1].get_attribute("value")
    page.open(page.find("#sample").parent.current_url.split("/runs/")[0] + f"/runs/{other}.html")
    # Ranks are of the page's own run.
    own = [re.sub(r"\s*rank \d+", "", each) for each in page.texts(".numbers [data-key] dd")]
    assert own == theirs


def test_samples_are_filtered_and_the_worst_come_first(page: Browser):
    page.open(page.find(f"{TABLE} a[href*='runs/large--']").get_attribute("href"))
    page.until(lambda: len(page.all("#samples li")) == 1000)
    choose(page, "#metric", "Citation recall")
    choose(page, "#order", "worst first")
    assert page.texts("#samples li:nth-child(-n+3) .value") == ["0", "0", "0"]
    choose(page, "#order", "best first")
    assert page.texts("#samples li:nth-child(-n+3) .value") == ["1", "1", "1"]
    page.find("#search").send_keys("city 77")
    page.until(lambda: page.find("#count").text == "11 of 1000 samples")


def choose(page: Browser, select: str, text: str) -> None:
    next(option for option in page.all(f"{select} option") if option.text == text).click()


def test_hostile_outputs_are_shown_as_text_and_do_nothing(page: Browser):
    page.open(page.find(f"{TABLE} a[href*='runs/planted']").get_attribute("href"))
    page.until(lambda: len(page.all("#samples li")) == 10)
    for number, attack in enumerate((*ALL, HUGE)):
        page.all("#samples a")[number].click()
        words = visible(attack)[:6]
        page.until(lambda words=words: page.find("#sample .response").text.startswith(words))
        assert page.run("document.querySelectorAll('#sample script, #sample img, #sample svg').length") == 0
        assert page.run(
            "[...document.querySelectorAll('#sample a')].every(a => a.getAttribute('href').startsWith('#'))"
        )
    assert page.run("document.querySelector('#sample .response').textContent.length") < 21_000


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("width", [1400, 390])
def test_pages_fit_the_window_and_text_has_contrast(site: Path, tmp_path: Path, width: int, dark: bool):
    with browser(tmp_path / "profile", width=width, dark=dark) as window:
        for page in (
            "index.html",
            next((site / "runs").glob("smollm2--trust_asqa*.html")).relative_to(site).as_posix(),
            f"compare/{BOARD}.html",
        ):
            window.open(f"{site.as_uri()}/{page}")
            window.until(lambda: window.all(".main-svg, #sample h2, .finding"))
            assert window.run("document.documentElement.scrollWidth <= innerWidth + 1")
            low = window.run(CONTRAST)
            assert low == [], low
            if width == 390:
                # No cell is so narrow that its words break.
                cells = "document.querySelectorAll('table.stacked tbody :is(td, th)')"
                assert window.run(f"[...{cells}].every((cell) => cell.getBoundingClientRect().width > 200)")
            window.driver.save_screenshot(str(tmp_path / f"{page.split('/')[0].split('.')[0]}-{width}-{dark}.png"))
        assert window.errors() == []


CONTRAST = """(() => {
  const luminance = (c) => c.map((v) => v / 255).map((v) => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
    .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
  const parsed = (text) => text.match(/[\\d.]+/g).map(Number);
  const behind = (element) => {
    for (let e = element; e; e = e.parentElement) {
      const c = parsed(getComputedStyle(e).backgroundColor);
      if (c.length === 3 || c[3] === 1) return c.slice(0, 3);
    }
    return [255, 255, 255];
  };
  const low = new Set();
  for (const e of document.querySelectorAll("main *, header *")) {
    const own = [...e.childNodes].some((n) => n.nodeType === 3 && n.textContent.trim());
    if (!own || e.closest("svg") || !e.checkVisibility()) continue;
    const [a, b] = [luminance(parsed(getComputedStyle(e).color).slice(0, 3)), luminance(behind(e))];
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    if (ratio < 4.5) low.add(`${e.tagName}.${e.className}: ${ratio.toFixed(2)}`);
  }
  return [...low];
})()"""
