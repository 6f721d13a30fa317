"""What the page says of each plugin: folded, sorted, the cost of its timers, whole names."""

from tests.collector.harness import Client, wait_until
from tests.collector.world import gauge, timer

from .page_rows import Plugins, fps, inference, report, row

NOTHING = "\u2013"


def upload(place, number):
    """Return a timer that runs once in ten events, and takes half as long."""
    return timer("upload", {-40: number}, 31_000_000 * number)


def test_many_plugins_begin_folded_and_fit_on_a_phone(browser, own_collector):
    """23 of them within three screens, each with state, rate, slowest timer and failures."""
    with Plugins(own_collector, 23) as plugins:
        plugins.report(fps, inference, upload)
        plugins.report(fps, inference, upload)
        browser.visit(own_collector.url, width=390, height=844, phone=True)
        wait_until(lambda: len(browser.texts(".plugin")) == 23)
        tell = lambda: plugins.report(fps, inference, upload)  # noqa: E731
        wait_until(lambda: tell() and "/s fps" in browser.text(".facts .rate"))
        wait_until(lambda: tell() and browser.texts(".facts .worst")[1].endswith("p95 inference"))
        assert browser.texts(".facts .failed")[1].startswith("✗ ")
        assert browser.texts(".state")[0] == "up"
        assert browser.texts("tbody tr") == []
        assert browser.run("return document.documentElement.scrollHeight") <= 3 * 844
        assert browser.run("return document.documentElement.scrollWidth") <= 390
        browser.run("document.querySelector('#fold').click()")
        wait_until(lambda: tell() and "✗" in browser.text("tbody .failed"))
        numbers = "td:is(.now, .p95, .busy, .frame, .count)"
        wait_until(lambda: tell() and " %" in browser.text("tbody td.busy"))
        cut = (
            "return [...document.querySelectorAll(arguments[0])]"
            ".filter(e => e.checkVisibility() && (e.scrollWidth > e.clientWidth + 1"
            " || e.getBoundingClientRect().right > innerWidth - 20))"
            ".map(e => e.textContent)"
        )
        assert browser.run(cut, numbers) == []


def test_the_cost_of_a_timer_stands_beside_it(browser, own_collector):
    """Of a core: runs per second times their mean; of a frame: the mean times the main rate."""
    with Plugins(own_collector, 1) as plugins:
        browser.visit(own_collector.url)

        def shares():
            plugins.report(fps, inference, upload)
            cells = [row(browser, name) or {} for name in ("inference", "upload")]
            return [
                cell.get(name, "").split(" ")[0] for cell in cells for name in ("busy", "frame")
            ]

        def is_right():
            """The first runs once a frame, and so takes as much of it as of a core."""
            found = shares()
            if not all(share not in ("", NOTHING) for share in found):
                return False  # nothing was heard for 4 s, on a busy machine
            busy, frame, seldom, half = map(float, found)
            return abs(frame / half - 2) < 0.05 and abs(busy / seldom - 20) < 4

        wait_until(is_right)
        assert row(browser, "fps")["busy"] == ""
        assert row(browser, "fps")["frame"].endswith(" ms")


def test_a_timer_of_a_day_takes_no_more_than_a_thread(browser, own_collector):
    """Of a block only the ten seconds count in which it ended."""

    def day(place, number):
        return timer("day", {132: number}, 86_400_000_000_000 * number)

    def ten_seconds(place, number):
        return timer("ten", {27: number}, 10_000_000_000 * number)

    with Plugins(own_collector, 1) as plugins:
        browser.visit(own_collector.url)

        def shares():
            plugins.report(day, ten_seconds)
            return [(row(browser, name) or {}).get("busy", "") for name in ("day", "ten")]

        wait_until(lambda: shares()[1].endswith(" %"))
        wait_until(lambda: len(set(shares())) == 1)


def test_what_has_no_rate_has_no_frame(browser, own_collector):
    """Nothing is known of it, and so no number is shown."""
    with Plugins(own_collector, 1) as plugins:
        browser.visit(own_collector.url)
        wait_until(
            lambda: (
                plugins.report(inference)
                and (row(browser, "inference") or {}).get("busy", "").endswith(" %")
            )
        )
        assert row(browser, "inference")["frame"] == NOTHING


def test_it_sorts_by_name_cost_p95_and_age(browser, own_collector):
    """Plugins and their instruments alike, the highest first; the choice is worked by a key too."""

    def slow(place, number):
        """Return a timer that is the slower, the later the plugin's name."""
        return timer("a", {-40 + place: number}, (31 + place) * 10**6 * number)

    def slower(place, number):
        return timer("b", {-32: number}, 62 * 10**6 * number)

    with Plugins(own_collector, 2) as plugins:
        tell = lambda: plugins.report(slow, slower, lambda *_: gauge("c", 1))  # noqa: E731
        browser.visit(own_collector.url)
        wait_until(lambda: tell() and len(browser.texts("tbody .name")) == 10)
        wait_until(lambda: tell() and (row(browser, "b") or {}).get("busy", "").endswith(" %"))
        assert browser.texts("tbody .name")[:3] == ["a", "b", "c"]
        for order in ("cost", "p95"):
            browser.press("s")
            assert browser.run("return document.querySelector('#order').value") == order
            assert browser.texts("tbody .name")[:5] == ["b", "a", "c", "CPU", "memory"]
        plugins[1].close()
        browser.press("s")
        wait_until(
            lambda: (
                plugins[0].update(10**6, [gauge("c", 2)]) is None
                and browser.run(
                    "document.querySelector('#order').dispatchEvent(new Event('change'));"
                    "return [...document.querySelectorAll('.task')].map(e => e.textContent)"
                )
                == ["task-01", "task-00"]
            )
        )
        browser.press("s")
        assert browser.texts(".task") == ["task-00", "task-01"]


def test_what_is_gone_leaves_the_page(browser, own_collector):
    """A row that the collector no longer tells of is no row."""
    with Client(own_collector) as client:
        client.hello(task="a")
        report(client, 1, 7)
        browser.visit(own_collector.url)
        wait_until(lambda: row(browser, "movers"))
        assert browser.run(
            "take({ ...latest, plugins: [{ ...latest.plugins[0], gauges: [] }] });"
            "return [...document.querySelectorAll('tbody .name')].map(e => e.textContent)"
        ) == ["fps", "inference", "frames", "CPU", "memory"]


def test_long_names_are_cut_in_their_middle(browser, own_collector):
    """Their ends, which tell them apart, are seen; title, text and what is heard are whole."""
    plugin = "registry.example.org/somebody/" + "a-very-long-name-" * 5 + "jetson"
    task = "counts-" + "cars-" * 20 + "left-camera"
    with Client(own_collector) as client:
        client.hello(plugin=plugin, task=task)
        name = "a.name.of." + "many." * 10 + "parts"
        client.update(1, [gauge(name, 1, camera="x" * 40 + "left")])
        client.flush()
        browser.visit(own_collector.url, width=700)
        wait_until(lambda: browser.text(".task"))
        script = (
            "const { dataset, title, textContent } = document.querySelector(arguments[0]);"
            "return [dataset.tail, title.split('\\n')[0], textContent]"
        )
        assert browser.run(script, ".task") == [task[-10:], task, task]
        assert browser.run(script, ".image") == [plugin[-10:], plugin, plugin]
        assert browser.run(script, "tbody .name") == [name[-10:], name, name]
        assert browser.run(script, "tbody .labels")[0] == 'xxxxxleft"'
        inside = (
            "const right = e => e.getBoundingClientRect().right;"
            "return [...document.querySelectorAll('.task, .image, tbody .name, tbody .labels')]"
            ".every(e => right(e) <= right(e.parentNode) + 1)"
        )
        assert browser.run(inside)
        tree = browser.driver.execute_cdp_cmd("Accessibility.getFullAXTree", {})["nodes"]
        names = [node.get("name", {}).get("value", "") for node in tree]
        assert any(name.startswith(f"{task} ") and plugin in name for name in names)


def test_what_tells_a_plugin_is_cut_last(browser, own_collector):
    """Neither image, job nor labels take the room of a short name; no window is too narrow."""
    with Client(own_collector) as client:
        client.hello(task="camera-left", plugin="registry.example.org/a/" + "b" * 90, job="j" * 40)
        client.update(1, [gauge("cars", 1, **{f"label{n}": "value" for n in range(9)})])
        client.flush()
        cut = (
            "return [...document.querySelectorAll('.task, tbody .name')]"
            ".filter(e => e.checkVisibility() && e.scrollWidth > e.clientWidth)"
            ".map(e => e.textContent)"
        )
        fits = "return document.documentElement.scrollWidth <= innerWidth"
        for width in (1280, 1060, 1050, 1000, 961, 700, 390, 320):
            browser.visit(own_collector.url, width=width)
            wait_until(lambda: row(browser, "cars"))
            assert browser.run(cut) == [] and browser.run(fits), width
            browser.run("document.querySelector('h2 button').click()")
            wait_until(lambda: not browser.texts("tbody .name"))
            assert browser.run(cut) == [] and browser.run(fits), width


def test_what_runs_from_right_to_left_is_in_one_piece(browser, own_collector):
    """Parts of it would change places with each other."""
    task = "\u05de\u05e6\u05dc\u05de\u05d4 camera \u0634\u0645\u0627\u0644 north"
    with Client(own_collector) as client:
        client.hello(task=task)
        client.update(1, [gauge("cars", 1, where=task)])
        client.flush()
        browser.visit(own_collector.url)
        wait_until(lambda: row(browser, "cars"))
        whole = browser.texts(":is(.task, tbody .labels):not(.parted)")
        assert whole[:2] == [task, f'where="{task}"']


def test_unproven_is_said(browser, own_collector):
    """Of a plugin whose reports the kernel can't prove, and of no other."""
    with Client(own_collector) as client:
        client.hello(task="a")
        report(client, 1, 7)
        browser.visit(own_collector.url)
        wait_until(lambda: browser.texts(".plugin .unproven") == ["unproven"])
        browser.run(
            "take({ ...latest, plugins: [{ ...latest.plugins[0], verified: true }] });"
            "for (const section of sections.values()) section.draw(view())"
        )
        hidden = "return document.querySelector('.plugin .unproven').hidden"
        assert browser.run(hidden) is True
