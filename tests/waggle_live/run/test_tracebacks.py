"""Errors that come out of pywaggle under ``waggle-live run``: as without, whoever prints them."""

import sys
import textwrap

import pytest

from ..helpers import write_script
from .test_sameness import IMPORT, both

HEAD = "import asyncio, concurrent.futures, logging\n" + IMPORT + "plugin = Plugin()\n"
PUBLISH = "plugin.publish('no/name', 1)"
PROGRAMS = {
    "traceback": "try: %s\nexcept RuntimeError: traceback.print_exc()",
    "logging": """
        logging.basicConfig()
        try:
            %s
        except RuntimeError:
            logging.exception("failed")""",
    "its chain": """
        try:
            %s
        except RuntimeError as error:
            try:
                raise KeyError(1) from error
            except KeyError:
                traceback.print_exc()""",
    "a hook of the plugin's": """
        def hook(kind, error, traceback_):
            print([frame.name for frame in traceback.extract_tb(traceback_)])
        sys.excepthook = hook
        %s""",
    "a hook for threads": """
        def hook(args):
            print([frame.name for frame in traceback.extract_tb(args.exc_traceback)])
        threading.excepthook = hook
        thread = threading.Thread(target=lambda: %s)
        thread.start()
        thread.join()""",
    "a group": """
        async def publish():
            %s
        async def main():
            async with asyncio.TaskGroup() as group:
                group.create_task(publish())
        asyncio.run(main())""",
    "a task": """
        async def publish():
            %s
        async def main():
            asyncio.ensure_future(publish())
            await asyncio.sleep(0.01)
        asyncio.run(main())""",
    "children": """
        def child():
            %s
        if __name__ == "__main__":
            for method in ("fork", "spawn"):
                process = multiprocessing.get_context(method).Process(target=child, name="child")
                process.start()
                process.join()
                print(process.exitcode, flush=True)""",
    "an executor": """
        def child():
            %s
        if __name__ == "__main__":
            with concurrent.futures.ProcessPoolExecutor(1) as executor:
                executor.submit(child).result()""",
    "__del__": """
        class Deleted:
            def __del__(self):
                %s
        Deleted()""",
    "timeit": """
        @plugin.timeit("timed")
        def timed():
            pass
        for call in timed, timed:
            try:
                call()
            except RuntimeError:
                traceback.print_exc()""",
    "upload_file": "try: plugin.upload_file('missing')\nexcept OSError: traceback.print_exc()",
    "get": "try: plugin.get(timeout=0.01)\nexcept Exception: traceback.print_exc()",
    "the constructor": """
        os.environ["WAGGLE_PLUGIN_PORT"] = "none"
        try:
            Plugin()
        except ValueError:
            traceback.print_exc()""",
    "an error that refuses to be changed": """
        class Refusing(Exception):
            __traceback__ = None
            def __setattr__(self, name, value):
                print(name)
            def with_traceback(self, value):
                print(value)
        class Sub(Plugin):
            @property
            def tasks(self):
                raise Refusing()
            @tasks.setter
            def tasks(self, tasks):
                pass
        Sub().publish("a", 1)""",
}


@pytest.mark.skipif(sys.version_info < (3, 11), reason="then raise restores the traceback")
@pytest.mark.parametrize("name", sorted(PROGRAMS))
def test_same(tmp_path, name):
    """No frame of ours is in the traceback of an error that comes out of pywaggle."""
    text = textwrap.dedent(PROGRAMS[name])
    text = text % PUBLISH if "%s" in text else text
    plain, run = both(tmp_path, write_script(tmp_path, HEAD + text))
    assert run == plain
    assert plain[1] or plain[2]


def test_same_without_a_traceback_of_its_own(tmp_path):
    """An error whose class hides its traceback is printed as Python itself prints it."""
    text = """
        class Hiding(Exception):
            __traceback__ = property(lambda self: None)
        def fail():
            raise Hiding()
        fail()
    """
    plain, run = both(tmp_path, write_script(tmp_path, IMPORT + textwrap.dedent(text)))
    assert run == plain
    assert b"Hiding" in plain[2]


@pytest.mark.parametrize("status", ["(3,)", "()", "1, 2", "status=3"])
def test_same_sys_exit(tmp_path, status):
    """``sys.exit`` takes what Python's own takes, and refuses the rest alike."""
    plain, run = both(tmp_path, write_script(tmp_path, IMPORT + "sys.exit(%s)" % status))
    assert run == plain


SUBCLASSES = {
    "an attribute live": """
        class Sub(Plugin):
            def __init__(self):
                super().__init__()
                self.live = 5
                self._pid = "mine"
        sub = Sub()
        print(sub.live, sub._pid)""",
    "a method live": """
        class Sub(Plugin):
            def live(self):
                return 5
        sub = Sub()
        print(sub.live())""",
    "a property live": """
        class Sub(Plugin):
            live = property(lambda self: 5)
        sub = Sub()
        print(sub.live)""",
    "a constructor by itself": """
        class Sub(Plugin):
            def __init__(self):
                self.tasks = []
            def __enter__(self):
                return self
            def publish(self, name, value, **more):
                print(name, value > 0)
        sub = Sub()""",
}
USE = """
with sub:
    with sub.timeit("timed"):
        sub.publish("a", 1)
"""


@pytest.mark.parametrize("name", sorted(SUBCLASSES))
def test_same_subclasses(tmp_path, name):
    """A subclass of Plugin may use names of ours, and leave our constructor out."""
    text = IMPORT + textwrap.dedent(SUBCLASSES[name])
    if name == "a constructor by itself":
        text += '\nwith sub.timeit("timed"):\n    pass\n'
    else:
        text += USE
    plain, run = both(tmp_path, write_script(tmp_path, text))
    assert run == plain
    assert plain[1] and plain[0] == 0
