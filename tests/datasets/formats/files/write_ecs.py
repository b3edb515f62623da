"""Write ``ecs_logging.jsonl``: three events by ecs-logging 2.3.0 (``python write_ecs.py ecs_logging.jsonl``)."""

import logging
import sys
import time

import ecs_logging

handler = logging.FileHandler(sys.argv[1], mode="w")
handler.setFormatter(ecs_logging.StdlibFormatter())
log = logging.getLogger("shop")
log.addHandler(handler)
log.setLevel(logging.INFO)
for action, replicas in (("scale-up", 3), ("hold", 3), ("scale-down", 2)):
    time.sleep(0.01)
    log.info(
        "scaled",
        extra={"event": {"action": action, "category": ["process"]}, "labels": {"replicas": replicas}},
    )
