"""The report in Chromium (`make browser`).

There is a made-up one with a surface, and those of the studies that were run here.
"""

from __future__ import annotations

import base64
import itertools
import json
import shutil
import time
from collections.abc import Callable, Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import report_sample as sample
from conftest import ROOT
from PIL import Image

pytestmark = pytest.mark.browser

#: Where screenshots are put, to be looked at.
SCREENSHOTS = ROOT / "build" / "browser"
RUN = {path.parent.name: path for path in sorted((ROOT / "results").glob("*/report.html"))}
PHONE = {"width": 360, "height": 740, "deviceScaleFactor": 1, "mobile": True}
DESK = {"width": 1200, "height": 900, "deviceScaleFactor": 1, "mobile": False}


@pytest.fixture(scope="module")
def driver() -> Iterator[Any]:
    """Chromium without a window; WebGL in software."""
    from selenium import webdriver
    from selenium.webdriver.chrome.service import Service

    chromium, chromedriver = shutil.which("chromium"), shutil.which("chromedriver")
    assert chromium and chromedriver, (
        "there is no chromium with its chromedriver: 'make browser' as root installs Debian's"
    )
    options = webdriver.ChromeOptions()
    options.binary_location = chromium
    for argument in (
        "--headless=new",
        "--no-sandbox",
        "--disable-dev-shm-usage",
        "--use-angle=swiftshader",
        "--enable-unsafe-swiftshader",
    ):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    found = webdriver.Chrome(options=options, service=Service(chromedriver))
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    yield found
    found.quit()


@pytest.fixture(scope="module", params=["sample", *RUN])
def page(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> tuple[str, Path]:
    """A report by its name."""
    if request.param != "sample":
        return request.param, RUN[request.param]
    made = sample.config(
        {**sample.ALICE, "associations": {"word-judged": {}}, "tunings": {"lora": {}}}
    )
    path = tmp_path_factory.mktemp("report") / "report.html"
    data = {
        "association": sample.association(),
        "tuning": sample.tuning(),
        "chance": sample.chance(),
        "claims": sample.claims(),
    }
    path.write_text(sample.page(with_surface=True, made=made, **data), encoding="utf-8")
    return "sample", path


@pytest.fixture
def opened(driver: Any, page: tuple[str, Path]) -> Iterator[Any]:
    """The report on a desk, in light.

    What it asked for and complained of is checked in the end, whatever a test did with it.
    """
    driver.execute_cdp_cmd(
        "Emulation.setEmulatedMedia",
        {"features": [{"name": "prefers-color-scheme", "value": "light"}]},
    )
    driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", DESK)
    for kind in ("browser", "performance"):
        driver.get_log(kind)
    driver.get(page[1].as_uri())
    yield driver
    assert [
        entry["message"] for entry in driver.get_log("browser") if entry["level"] == "SEVERE"
    ] == []
    events = [json.loads(entry["message"])["message"] for entry in driver.get_log("performance")]
    asked = [
        event["params"]["request"]["url"]
        for event in events
        if event["method"] == "Network.requestWillBeSent"
    ]
    assert [
        url[:100] for url in asked if not url.startswith(("file:", "data:", "blob:", "about:"))
    ] == []


def wait(condition: Callable[[], Any], seconds: float = 60) -> Any:
    """Wait until something is so; a frame in software takes a while."""
    end = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.2)
    return found


def screenshot(driver: Any, name: str, height: int | None = None) -> np.ndarray:
    """Save what is seen, or the page to a height."""
    if height:
        metrics = {**DESK, "width": driver.execute_script("return innerWidth"), "height": height}
        driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
    driver.execute_async_script(
        "Promise.allSettled([...document.images].map((image) => image.decode())).then(arguments[0])"
    )
    content = base64.b64decode(driver.execute_cdp_cmd("Page.captureScreenshot", {})["data"])
    (SCREENSHOTS / f"{name}.png").write_bytes(content)
    return np.asarray(Image.open(BytesIO(content)).convert("RGB")).astype(int)


def page_height(driver: Any) -> int:
    return min(int(driver.execute_script("return document.documentElement.scrollHeight")), 15000)


def press(driver: Any, *keys: str) -> None:
    from selenium.webdriver import ActionChains

    chain = ActionChains(driver)
    for key in keys:
        chain = chain.send_keys(key)
    chain.perform()


def active(driver: Any, what: str) -> Any:
    return driver.execute_script(f"return document.activeElement.{what}")


def test_it_opens_in_light_and_in_dark(opened: Any, page: tuple[str, Path]) -> None:
    light = screenshot(opened, f"{page[0]}-light", page_height(opened))
    opened.execute_cdp_cmd(
        "Emulation.setEmulatedMedia",
        {"features": [{"name": "prefers-color-scheme", "value": "dark"}]},
    )
    dark = screenshot(opened, f"{page[0]}-dark", page_height(opened))
    assert light[5, 5].mean() > 200 and dark[5, 5].mean() < 60
    broken = opened.execute_script(
        "return [...document.images].filter((image) => "
        "!image.complete || !image.naturalWidth).length"
    )
    assert broken == 0


def test_tables_sort_by_mouse_and_by_keyboard(opened: Any) -> None:
    from selenium.webdriver.common.keys import Keys

    # The longest table that is shown row by row, and its last column with several values.
    found = opened.execute_script(
        """
        const tables = [...document.querySelectorAll("table.sortable")].sort((one, other) => other.tBodies[0].rows.length - one.tBodies[0].rows.length);
        for (const table of tables) {
          for (const header of [...table.tHead.rows[0].cells].reverse()) {
            const values = new Set([...table.tBodies[0].rows].map((row) => row.cells[header.cellIndex].textContent));
            if (values.size > 2) {
              for (let parent = table; parent; parent = parent.parentElement) if (parent.tagName === "DETAILS") parent.open = true;
              return [header, header.cellIndex];
            }
          }
        }
        """  # noqa: E501
    )
    header, column = found

    def values() -> list[str]:
        script = (
            "return [...arguments[0].closest('table').tBodies[0].rows].map((row) "
            "=> row.cells[arguments[1]].textContent)"
        )
        return [str(value) for value in opened.execute_script(script, header, column)]

    def in_order(texts: list[str]) -> list[str]:
        def key(text: str) -> tuple[int, float, str]:
            try:
                return (
                    (2, 0.0, "") if text in ("", "n/a") else (0, float(text.replace(",", "")), "")
                )
            except ValueError:
                return (1, 0.0, text.lower())

        return sorted(texts, key=key)

    before = values()
    button = header.find_element("css selector", "button")
    opened.execute_script(
        "arguments[0].scrollIntoView({block: 'center', inline: 'center'})", button
    )
    button.click()
    assert header.get_attribute("aria-sort") == "ascending" and values() == in_order(before)
    opened.execute_script("arguments[0].focus()", button)
    press(opened, Keys.ENTER)
    assert header.get_attribute("aria-sort") == "descending"
    backwards = [value for value in values() if value not in ("", "n/a")]
    assert backwards == list(
        reversed([value for value in in_order(before) if value not in ("", "n/a")])
    ) or len(set(backwards)) < len(backwards)
    assert sorted(values()) == sorted(before) and values() != in_order(before)


def test_the_surface_turns_and_changes(opened: Any, page: tuple[str, Path]) -> None:
    from selenium.webdriver import ActionChains
    from selenium.webdriver.support.ui import Select

    buttons = opened.find_elements("id", "open-surface")
    if not buttons:
        assert "no interactive surface" in opened.find_element("id", "missing").text.lower()
        return
    # Nothing is loaded before it is asked for.
    assert not opened.find_elements("css selector", "iframe")
    opened.execute_script("arguments[0].scrollIntoView()", buttons[0])
    buttons[0].click()
    frame = wait(lambda: opened.find_elements("css selector", "#surface-place iframe"))[0]
    opened.switch_to.frame(frame)
    canvas = wait(lambda: opened.find_elements("css selector", "canvas"))[0]

    def drawn() -> np.ndarray:
        opened.switch_to.default_content()
        image = Image.open(BytesIO(frame.screenshot_as_png)).convert("RGB")
        opened.switch_to.frame(frame)
        return np.asarray(image).astype(int)

    def changed(one: np.ndarray, other: np.ndarray) -> float:
        """Share of pixels that look different."""
        return float((np.abs(one - other).max(axis=2) > 30).mean())

    def settled() -> np.ndarray:
        """What is drawn once it hardly changes, and is more than a blank."""
        last = drawn()
        for _ in range(40):
            time.sleep(0.5)
            now = drawn()
            if now.std() > 5 and changed(now, last) < 0.001:
                return now
            last = now
        raise AssertionError("the surface never stood still")

    first = settled()
    ActionChains(opened).move_to_element(canvas).click_and_hold().move_by_offset(
        150, 40
    ).release().perform()
    turned = settled()
    assert changed(turned, first) > 0.02
    Select(opened.find_element("id", "select-view")).select_by_value("top")
    from_above = settled()
    assert changed(from_above, turned) > 0.02
    opened.switch_to.default_content()
    choice = Select(opened.find_element("id", "map"))
    choice.select_by_index(len(choice.options) - 1)
    opened.switch_to.frame(frame)
    other = settled()
    assert changed(other, from_above) > 0.005
    opened.switch_to.default_content()
    assert opened.find_element("id", "surface-status").text == choice.options[-1].text
    screenshot(opened, f"{page[0]}-surface")


def test_a_phone_scrolls_one_way_only(opened: Any, page: tuple[str, Path]) -> None:
    opened.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", PHONE)
    opened.refresh()
    opened.execute_script("for (const one of document.querySelectorAll('details')) one.open = true")
    assert opened.execute_script("return [document.documentElement.scrollWidth, innerWidth]") == [
        PHONE["width"],
        PHONE["width"],
    ]
    opened.execute_script(
        "for (const one of document.querySelectorAll('details')) one.open = false"
    )
    screenshot(opened, f"{page[0]}-phone", page_height(opened))


def test_the_keyboard_reaches_what_was_found_first(opened: Any) -> None:
    from selenium.webdriver.common.keys import Keys

    press(opened, Keys.TAB)
    assert active(opened, "className") == "skip"
    assert opened.execute_script("return document.activeElement.getBoundingClientRect().left") >= 0
    press(opened, Keys.ENTER)
    wait(lambda: active(opened, "id") == "found")
    # Every stop is seen: it has a size, and its focus an outline.
    for _ in range(8):
        press(opened, Keys.TAB)
        assert opened.execute_script(
            "const one = document.activeElement; return one.getBoundingClientRect().width > 0 && "
            "getComputedStyle(one).outlineStyle !== 'none'"
        ), active(opened, "outerHTML")[:200]


@pytest.mark.parametrize(("device", "scheme"), [(DESK, "light"), (PHONE, "dark")])
def test_a_checker_finds_nothing_that_shuts_people_out(
    opened: Any, device: dict[str, Any], scheme: str
) -> None:
    from axe_core_python.selenium import Axe

    opened.execute_cdp_cmd(
        "Emulation.setEmulatedMedia",
        {"features": [{"name": "prefers-color-scheme", "value": scheme}]},
    )
    opened.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", device)
    # Of large tables the checker looks at the same cell a thousand times.
    opened.execute_script(
        "for (const one of document.querySelectorAll('details')) "
        "one.open = one.querySelectorAll('tr').length < 12"
    )
    # A long report takes the checker longer than the 30 s that a script has at first, and on a
    # busy machine longer than the two minutes for which the driver is waited for.
    opened.set_script_timeout(300)
    opened.command_executor.client_config.timeout = 330
    found = Axe().run(opened)
    assert len(found["passes"]) > 20
    assert [(one["id"], one["nodes"][0]["html"][:200]) for one in found["violations"]] == []


def test_stops_come_in_the_order_of_the_page(opened: Any) -> None:
    tops = opened.execute_script(
        """
        const stops = document.querySelectorAll("main a[href], main button, main summary, main [tabindex='0']");
        return [...stops].filter((one) => one.checkVisibility() && one.tabIndex === 0).map((one) => one.getBoundingClientRect().top);
        """  # noqa: E501
    )
    # What stands in one line may differ by less than the height of a line.
    assert len(tops) > 5
    assert all(after > before - 30 for before, after in itertools.pairwise(tops))


def test_nothing_is_cut_on_a_phone(opened: Any) -> None:
    opened.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", PHONE)
    opened.refresh()
    wide = opened.execute_script(
        "return [...document.querySelectorAll("
        "'figure img, .cards tbody td, .cards tbody th, .steps li')]"
        ".filter((one) => one.checkVisibility() && one.getBoundingClientRect().right > innerWidth)"
        ".map((one) => one.outerHTML.slice(0, 200))"
    )
    assert wide == []
    figure = opened.find_element("css selector", "figure")
    image, button = (
        figure.find_element("css selector", name) for name in ("img", "button.enlarge")
    )
    before = image.size["width"]
    opened.execute_script("arguments[0].scrollIntoView({block: 'center'})", button)
    button.click()
    assert button.get_attribute("aria-pressed") == "true" and image.size["width"] > before
    button.click()
    assert image.size["width"] == before


def test_a_phone_shows_wide_figures_in_pieces(opened: Any) -> None:
    opened.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", PHONE)
    opened.refresh()
    figures = opened.execute_script(
        """
        return [...document.querySelectorAll("figure[data-pieces]")].map((figure) => ({
          alt: figure.querySelector("img").alt,
          name: figure.querySelector(".pieces").getAttribute("aria-label"),
          whole: figure.querySelector("img").checkVisibility(),
          pieces: figure.querySelectorAll(".pieces > div").length,
          wanted: JSON.parse(figure.dataset.pieces).length,
          // How large each piece is beside the figure on a desk.
          scales: [...figure.querySelectorAll(".pieces > div")].map((piece, number) =>
            piece.getBoundingClientRect().width / parseFloat(figure.style.getPropertyValue("--width"))
            / JSON.parse(figure.dataset.pieces)[number].reduce((sum, box) => sum + box[2], 0)),
          right: Math.max(...[...figure.querySelectorAll(".pieces span")].map((box) => box.getBoundingClientRect().right)),
          image: getComputedStyle(figure.querySelector(".pieces span")).backgroundImage.slice(0, 10),
        }));
        """  # noqa: E501
    )
    assert figures
    for one in figures:
        assert one["pieces"] == one["wanted"] > 1 and one["name"] == one["alt"]
        assert not one["whole"] and one["right"] <= PHONE["width"]
        # Type of 6 points has 11.4 pixels on a desk, and half of that on the smallest of phones.
        assert all(11.4 * scale > 5.4 for scale in one["scales"]), one
        assert one["image"].startswith('url("data:')
    opened.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", DESK)
    assert opened.execute_script(
        "return [...document.querySelectorAll('figure img')].every((one) => one.checkVisibility())"
    )


def test_headings_go_in_order_and_tables_say_what_they_are(opened: Any) -> None:
    opened.execute_script("for (const one of document.querySelectorAll('details')) one.open = true")
    levels = opened.execute_script(
        "return [...document.querySelectorAll('h1, h2, h3, h4')].map((one) => +one.tagName[1])"
    )
    assert levels[0] == 1 and levels.count(1) == 1
    assert all(after - before <= 1 for before, after in itertools.pairwise(levels))
    tables = opened.execute_script(
        """
        return [...document.querySelectorAll("table")].map((table) => [
          table.caption ? table.caption.textContent.trim() : "",
          [...table.querySelectorAll("thead th")].every((one) => one.scope === "col" && one.textContent.trim()),
          [...table.querySelectorAll("tbody th")].every((one) => one.scope === "row"),
          table.tHead.rows.length,
        ]);
        """  # noqa: E501
    )
    names = [name for name, *_ in tables]
    assert len(names) > 3 and all(names) and len(set(names)) == len(names)
    assert all(columns and rows and heads == 1 for _, columns, rows, heads in tables)
    sections = opened.execute_script(
        "return [...document.querySelectorAll('main section')].map((one) => "
        "document.getElementById(one.getAttribute('aria-labelledby')).textContent.trim())"
    )
    assert sections and all(sections)


def test_it_prints_with_what_the_reader_opened(opened: Any, page: tuple[str, Path]) -> None:
    opened.find_element("css selector", "#tables summary").click()
    content = base64.b64decode(opened.execute_cdp_cmd("Page.printToPDF", {})["data"])
    (SCREENSHOTS / f"{page[0]}.pdf").write_bytes(content)
    assert (
        content.startswith(b"%PDF")
        and content.count(b"/Type /Page\n") + content.count(b"/Type /Page ") >= 2
    )
    opened.execute_script("dispatchEvent(new Event('beforeprint'))")
    count = "return document.querySelectorAll(arguments[0]).length"
    assert (
        opened.execute_script(count, "#run details:not([open])") == 0
        and opened.execute_script(count, "#tables details[open]") == 1
    )
    opened.execute_script("dispatchEvent(new Event('afterprint'))")
    assert opened.execute_script(count, "details[open]") == 1


def test_the_page_may_not_use_a_network(driver: Any, page: tuple[str, Path]) -> None:
    driver.get(page[1].as_uri())
    refused = driver.execute_async_script(
        """
        const done = arguments[0];
        addEventListener("securitypolicyviolation", (event) => done(event.effectiveDirective));
        fetch("https://example.invalid/").catch(() => null);
        """
    )
    assert refused == "connect-src"
