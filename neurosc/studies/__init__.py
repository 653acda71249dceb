"""Studies: published results of learning with two relaxations, reproduced and passed.

`names()` lists them, `run(name)` measures one over several seeds and returns a tidy table beside
the published figures; the command is `neurosc study`.
"""

from neurosc.studies.registry import get, names
from neurosc.studies.result import StudyResult
from neurosc.studies.running import run
from neurosc.studies.study import Study

__all__ = ["Study", "StudyResult", "get", "names", "run"]
