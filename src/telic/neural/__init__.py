"""Networks and simulators that are compiled: the lab's engine for what no table holds (extra ``neural``)."""
