"""From which moment the values of a Feast view held at each decision.

Feast's historical answer has the values but not their moments, so the moments of the source's rows are read and joined
again: the latest one that is not after the decision.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from telic.typing import FloatArray

from .feast_repository import FeastRepository, FeastView
from .sources.lake_tables import import_reader

__all__ = ["moments_of_rows"]


def moments_of_rows(repository: FeastRepository, view: FeastView, asked: Any) -> FloatArray:
    """``(n,)`` microseconds since 1970, whole numbers; NaN where the source has no row until then.

    Args:
        repository: of the view.
        view: whose source.
        asked: frame with the join keys, ``event_timestamp`` and ``telic_row``, 0 to n - 1.
    """
    pandas = import_reader("pandas", "pandas", "feast", "features from a Feast repository")
    providers = import_reader("feast.infra.provider", "feast", "feast", "features from a Feast repository")
    config = repository.store.config
    last = asked["event_timestamp"].max().to_pydatetime()
    job = providers.get_provider(config).offline_store.pull_all_from_table_or_query(
        config=config,
        data_source=view.source,
        join_key_columns=list(view.key_columns),
        feature_name_columns=[],
        timestamp_field=view.moment_column,
        start_date=None,
        end_date=last,
    )
    rows = job.to_df().rename(columns=dict(zip(view.key_columns, view.keys, strict=True)))
    moments = pandas.to_datetime(rows[view.moment_column], utc=True).astype("datetime64[us, UTC]")
    known = rows[list(view.keys)].assign(moment=moments).sort_values("moment", kind="stable")
    wanted = asked[[*view.keys, "event_timestamp", "telic_row"]].sort_values("event_timestamp", kind="stable")
    wanted["event_timestamp"] = wanted["event_timestamp"].astype("datetime64[us, UTC]")
    joined = pandas.merge_asof(
        wanted, known, left_on="event_timestamp", right_on="moment", by=list(view.keys) or None
    )
    found = np.full(len(asked), np.nan)
    is_known = joined["moment"].notna().to_numpy()
    ticks = joined["moment"].dt.tz_localize(None).to_numpy().astype("datetime64[us]").astype(np.int64)
    found[joined["telic_row"].to_numpy()[is_known]] = ticks[is_known]
    return found
