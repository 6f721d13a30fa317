"""A real browser for tests: Debian's Chromium, headless, with nothing kept from run to run."""

import tempfile

import pytest

from tests.programs import program

FLAGS = (
    "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --hide-scrollbars "
    "--disable-dev-shm-usage --disable-background-networking --disable-component-update "
    "--disable-sync"
)
#: Seconds that the page may take for anything that a test waits for.
PATIENCE = 30.0
#: What Chromium does to connections in the making when the host's interfaces change, as they do
#: beside a test that makes containers; and how often a page is loaded until none changes.
INTERRUPTED, DEFAULT_LOADS = "ERR_NETWORK_CHANGED", 5
#: Notes what the policy of a page forbade, from before its first script.
_NOTE_VIOLATIONS = """
window.violations = [];
document.addEventListener("securitypolicyviolation",
    event => window.violations.push(event.violatedDirective + " " + event.blockedURI));
"""


class Browser:
    """Chromium with one window; ended with the ``with`` block."""

    def __init__(self, *flags):
        webdriver = pytest.importorskip("selenium.webdriver", reason="needs the package selenium")
        options = webdriver.ChromeOptions()
        options.binary_location = program("chromium", "chromium")
        service = webdriver.ChromeService(program("chromedriver", "chromium-driver"))
        self._profile = tempfile.TemporaryDirectory(
            prefix="wl-chromium-", ignore_cleanup_errors=True
        )
        for flag in (*FLAGS.split(), f"--user-data-dir={self._profile.name}", *flags):
            options.add_argument(flag)
        options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
        self.driver = webdriver.Chrome(options=options, service=service)
        self.driver.set_page_load_timeout(PATIENCE)
        self.driver.set_script_timeout(PATIENCE)
        self._log = []
        self._cdp("Page.addScriptToEvaluateOnNewDocument", source=_NOTE_VIOLATIONS)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.driver.quit()
        self._profile.cleanup()

    def visit(self, url, *, width=1280, height=800, phone=False, dark=False, still=False):
        """Open a page in a window of that size, for eyes that like it so."""
        self.driver.get("about:blank")
        self._new_log()  # what the page before had to say
        self._cdp(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=2 if phone else 1,
            mobile=phone,
        )
        wishes = {
            "prefers-color-scheme": "dark" if dark else "light",
            "prefers-reduced-motion": "reduce" if still else "no-preference",
        }
        features = [{"name": name, "value": value} for name, value in wishes.items()]
        self._cdp("Emulation.setEmulatedMedia", features=features)
        for _ in range(DEFAULT_LOADS):
            self.driver.get(url)
            self._log = self._new_log()
            if INTERRUPTED not in " ".join([*self._log, self.text(".error-code")]):
                return

    def run(self, script, *arguments):
        """Return what a function's body returns, run in the page."""
        return self.driver.execute_script(script, *arguments)

    def texts(self, selector):
        """Return the texts of all that fits and is shown, as a person reads them."""
        return self.run(
            "return [...document.querySelectorAll(arguments[0])]"
            ".filter(e => e.checkVisibility()).map(e => e.textContent)",
            selector,
        )

    def text(self, selector):
        """Return the text of what is shown; empty if nothing is."""
        return " ".join(self.texts(selector))

    def press(self, *keys):
        """Press keys, wherever the focus is."""
        from selenium.webdriver.common.action_chains import ActionChains

        ActionChains(self.driver).send_keys(*keys).perform()

    def complaints(self):
        """Return what the browser's log and the page's policy complained of.

        Not of questions that the machine's network interrupted: the page asks again.
        """
        log, self._log = self._log + self._new_log(), []
        log = [line for line in log if INTERRUPTED not in line]
        return log + self.run("return window.violations")

    def screenshot(self, path):
        """Write a PNG of the window."""
        assert self.driver.save_screenshot(str(path))

    def _new_log(self):
        return [line["message"] for line in self.driver.get_log("browser")]

    def _cdp(self, command, **arguments):
        self.driver.execute_cdp_cmd(command, arguments)
