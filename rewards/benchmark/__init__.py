"""The reward benchmark: honest responses, the same responses tampered with, and which of the two a reward prefers.

- `answer.py`, `case.py`: an honest response in parts, and what an attack knows of its example
- `attacks/`: what can be done to a response, by family; `families.py` says what a sound reward makes of each
- `language.py`, `truth.py`: a verifier that is right by construction about everything said in a benchmark
- `trials.py`, `candidates.py`, `table.py`: the pairs of texts, what judges them, and how often it is right
- `climbing.py`: random edits that climb a reward
- `human.py`: rank correlation of metrics with the utility that people see
- `run.py`, `report.py`, `plot.py`: all of it in one go, and as pages
"""
