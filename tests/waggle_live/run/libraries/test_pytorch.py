"""``waggle-live run`` and PyTorch."""

import pytest

from ...helpers import MS
from ..running import need, run_model

pytestmark = pytest.mark.models

HEAD = """
import copy, io, pickle, threading, time, warnings
warnings.simplefilter("ignore")
import torch
from waggle.plugin import Plugin

class Net(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = torch.nn.Sequential(torch.nn.Linear(4, 4), torch.nn.ReLU())

    def forward(self, x):
        if x.shape[0] == 3:
            raise ValueError("three")
        return self.layers(x)

x = torch.ones(2, 4)
net = Net()
"""


@pytest.fixture
def play(listener, tmp_path):
    """Run a script that begins with HEAD; return how many calls of a model were measured."""
    need("torch")

    def to_its_end(text):
        run_model(listener, tmp_path, HEAD + text)
        return lambda model, field="count": listener.total(
            "timer", "model.call", field, model=model, library="torch"
        )

    return to_its_end


def test_calls(play):
    """The outermost call of a module is measured, by its class; a failure counts as one."""
    calls = play("""
class Slow(Net):
    def forward(self, x):
        time.sleep(0.02)
        return super().forward(x)

with Plugin() as plugin:
    for _ in range(3):
        Slow()(x)
    try:
        net(torch.ones(3, 4))
    except ValueError as error:
        assert str(error) == "three"
    else:
        raise AssertionError
    threads = [threading.Thread(target=net, args=(x,)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
""")
    assert calls("Slow") == 3
    assert calls("Slow", "min") >= 20 * MS
    assert (calls("Net"), calls("Net", "failures")) == (5, 1)
    assert calls("Sequential") == calls("Linear") == 0


def test_copies(play):
    """A module is copied, pickled and saved as without us, and so is measured."""
    calls = play("""
assert type(net) is Net and isinstance(net, torch.nn.Module)
with Plugin() as plugin:
    saved = io.BytesIO()
    torch.save(net, saved)
    saved.seek(0)
    for each in (
        copy.deepcopy(net),
        pickle.loads(pickle.dumps(net)),
        torch.load(saved, weights_only=False),
        torch.nn.DataParallel(net),
    ):
        assert torch.equal(each(x), net(x))
""")
    assert calls("Net") == 8
    assert calls("DataParallel") == 0


def test_scripted_traced_and_symbolic_modules(play):
    """What torch.jit and torch.fx make of a module goes by the name of the author's class."""
    calls = play("""
class Plain(torch.nn.Module):
    def forward(self, x):
        return x + 1

scripted = torch.jit.script(Plain())
traced = torch.jit.trace(Plain(), x)
saved = io.BytesIO()
torch.jit.save(scripted, saved)
saved.seek(0)
symbolic = torch.fx.symbolic_trace(Plain())
with Plugin() as plugin:
    for each in (scripted, traced, torch.jit.load(saved)):
        assert torch.equal(each(x), x + 1)
    assert torch.equal(symbolic(x), x + 1)
""")
    assert calls("Plain") + calls("GraphModule") == 4
    assert calls("Plain") >= 3
    assert calls("RecursiveScriptModule") == calls("TopLevelTracedModule") == 0


def test_compiled_modules(play):
    """torch.compile makes one graph of a model as without us, and looks at none of our code."""
    calls = play("""
import torch._dynamo
graphs = []

def backend(graph, inputs):
    graphs.append(graph)
    return graph.forward

class Broken(torch.nn.Module):
    def forward(self, x):
        y = x * 2
        torch._dynamo.graph_break()
        return y + 1

with Plugin() as plugin:
    for _ in range(2):
        compiled = torch.compile(net, backend=backend, fullgraph=True)
        assert torch.equal(compiled(x), net(x))
    inline = torch.compile(lambda x: net(x) + 1, backend=backend, fullgraph=True)
    assert torch.equal(inline(x), net(x) + 1)
    assert len(graphs) == 2, len(graphs)
    broken = Broken()
    torch.compile(lambda x: broken(x + 1) * 3, backend=backend)(x)
    assert len(graphs) == 6, len(graphs)
    assert torch._dynamo.utils.counters["frames"]["total"] < 10
""")
    assert calls("Net") == 5
    assert calls("Broken") == 1
    assert calls("OptimizedModule") == 0
