"""The view is an extra: without rich it isn't there to be tested."""

import pytest

pytest.importorskip("rich", reason="needs the package rich, the extra top")
