"""Workers stay free of Prefect, whoever starts them."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
SCRIPT = '''
import sys
import prefect
from corpus.pool import Pool
from corpus.store import Store
from flows import steps

def modules():
    """What a worker has imported."""
    with steps._no_script():
        pool = Pool(2, Store({store!r}))
        with pool:
            return pool.submit(eval, "sorted(__import__('sys').modules)").result()

if __name__ == "__main__":
    assert "prefect" in sys.modules
    print("prefect" in modules())
'''


def test_a_worker_of_a_flow_imports_no_prefect(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(SCRIPT.replace("{store!r}", repr(str(tmp_path))))
    command = [sys.executable, str(script)]
    done = subprocess.run(command, cwd=ROOT, env={"PYTHONPATH": str(ROOT), "DO_NOT_TRACK": "1", "HOME": str(tmp_path)},
                          capture_output=True, text=True)  # fmt: skip
    assert done.stdout.strip() == "False", done.stderr
