"""The reward benchmark: whether rewards prefer honest responses to attacked versions of them.

- `answer.py`, `case.py`: an honest response in parts, and the data available to an attack
- `attacks/`: changes of a response, by family; `families.py` defines what a sound reward prefers in each
- `composing/`, `foreign.py`: honest answers, refusals and evasions in forms that are composed of their parts
- `language.py`, `oracle.py`: a verifier that is right by construction about every text of the benchmark
- `trials.py`, `candidates.py`, `table.py`: the pairs of texts, the rewards under test, and their accuracy
- `climbing.py`: random edits that climb a reward
- `human.py`: rank correlation of metrics with human utility ratings
- `run.py`, `report.py`, `plot.py`: the whole run, and its pages
"""
