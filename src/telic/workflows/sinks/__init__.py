"""Where metrics of a run may go while it runs: the console, TensorBoard, MLflow, Weights & Biases without a network.

A sink is one small module; a new one is written like them and named in ``guarded.SINKS``.
"""

from .guarded import SINKS, About, Sink, Sinks, open_sinks

__all__ = ["SINKS", "About", "Sink", "Sinks", "open_sinks"]
