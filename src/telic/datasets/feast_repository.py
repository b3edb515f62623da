"""A Feast repository, opened so that nothing in its registry runs: plain feature views only.

A registry keeps the functions of on-demand and stream views as source text and as serialised objects, and Feast runs
them when it lists what there is. So the registry is read here as the table of names and types that it is; the views
that are plain data are copied into a registry of our own, and Feast is given that one. What was checked is what is
used, also when somebody applies a change in between.
"""

from __future__ import annotations

import os
import shutil
import tempfile
import weakref
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from telic._core.near_miss import near_miss
from telic.errors import PermanentError, SettingsError, world_errors

from .sources.lake_tables import import_reader

__all__ = ["FeastRepository", "FeastView", "open_repository"]

PLAIN_TYPES = ("STRING", "INT32", "INT64", "DOUBLE", "FLOAT", "BOOL")
"""Names of Feast's types that an observation of a contract can be."""


@dataclass(frozen=True, kw_only=True)
class FeastView:
    """One feature view: features of one kind of thing, with the age at which they end.

    Attributes:
        name: of the view.
        keys: join keys, in order.
        types: feature to Feast's name of its type.
        ttl_seconds: older values are no longer served; 0: values never end.
        source: Feast's data source, for the moments of its rows.
        moment_column: of the source, with the moment from which a row holds.
        key_columns: of the source, one for each key.
    """

    name: str
    keys: tuple[str, ...]
    types: dict[str, str]
    ttl_seconds: float
    source: Any
    moment_column: str
    key_columns: tuple[str, ...]


@dataclass(frozen=True, kw_only=True, eq=False)
class FeastRepository:
    """A repository as it stood when it was opened.

    Attributes:
        store: Feast's own, over the copied registry.
        views: name to plain feature view.
        with_code: names of the views that were left out because a function makes them, or their source is a class
            from outside Feast.
    """

    store: Any
    views: dict[str, FeastView]
    with_code: tuple[str, ...]

    def feature(self, name: str) -> tuple[FeastView, str]:
        """The view and the feature of ``view:feature``.

        Args:
            name: a column of the contract.

        Raises:
            SettingsError: there is no such view or feature, a function makes it, or its type is no observation's.
        """
        place, _, feature = name.partition(":")
        if place in self.with_code:
            raise SettingsError(
                f"`{name}` is made by a function or a class that the registry names, which is not run here.",
                hint="Serve plain feature views, and write the formula as a feature of the contract.",
            )
        if place not in self.views:
            raise SettingsError(
                f"The Feast registry has no feature view {place!r}.{near_miss(place, list(self.views))}",
                hint=f"There are: {', '.join(sorted(self.views)) or 'none'}; run `feast apply` in the repository.",
            )
        view = self.views[place]
        if feature not in view.types:
            raise SettingsError(
                f"Feature view {place!r} has no feature {feature!r}.{near_miss(feature, list(view.types))}",
                hint=f"It has: {', '.join(view.types)}.",
            )
        if view.types[feature] not in PLAIN_TYPES:
            raise SettingsError(
                f"`{name}` is of Feast's type {view.types[feature]}, and an observation is one of "
                f"{', '.join(PLAIN_TYPES)}.",
                hint="Store it as a number or a text.",
            )
        return view, feature


def open_repository(folder: str | os.PathLike[str]) -> FeastRepository:
    """The repository of a folder with ``feature_store.yaml``.

    Args:
        folder: of the repository. Its registry must be a file on this machine. The yaml is the owner's own setting:
            classes that it names are loaded.

    Raises:
        PermanentError: Feast is not installed, or a file is missing or damaged.
        SettingsError: the registry is kept elsewhere.
    """
    feast = import_reader("feast", "feast", "feast", "features from a Feast repository")
    config_of = import_reader("feast.repo_config", "feast", "feast", "a Feast repository")
    protos = import_reader("feast.protos.feast.core.Registry_pb2", "feast", "feast", "a Feast registry")
    place = Path(folder).resolve()
    with world_errors(f"read {place / 'feature_store.yaml'}"):
        try:
            config = config_of.load_repo_config(place, place / "feature_store.yaml")
        except config_of.FeastConfigError as problem:
            raise PermanentError(
                f"{place / 'feature_store.yaml'} is no Feast configuration: {problem}",
                hint="Correct it until `feast plan` in that folder is content.",
            ) from problem
    stated = config.registry
    path = str(stated.path)
    if stated.registry_type != "file" or "://" in path:
        raise SettingsError(
            f"The registry of {place} is of type {stated.registry_type!r} at {path.split('://')[0]!r}; only a registry"
            " that is a file of this machine is read.",
            hint="Apply the repository to a registry file on this machine too, and name that one.",
        )
    known = protos.Registry()
    with world_errors(f"read the registry {path}"):
        content = (place / path).read_bytes()
    message_errors = import_reader("google.protobuf.message", "protobuf", "feast", "a Feast registry")
    try:
        known.ParseFromString(content)
    except message_errors.DecodeError as problem:
        raise PermanentError(
            f"The registry {place / path} is damaged: {problem}.",
            hint="Run `feast apply` in the repository again.",
        ) from problem
    plain, with_code = _without_code(known, protos.Registry())
    with world_errors("write a copy of the registry"):
        copy = Path(tempfile.mkdtemp(prefix="telic-feast-"))
        target = copy / "registry.db"
        target.write_bytes(plain.SerializeToString())
    # Set before `registry` is first asked for, which keeps what it made of it.
    config = config_of.load_repo_config(place, place / "feature_store.yaml")
    config.registry_config = {"registry_type": "file", "path": str(target), "cache_ttl_seconds": 0}
    store = feast.FeatureStore(config=config)
    keys = {e.spec.name: e.spec.join_key for e in plain.entities}
    views = {
        v.name: _view(v, spec, keys)
        for v, spec in zip(_listed(store, plain), plain.feature_views, strict=True)
    }
    made = FeastRepository(store=store, views=views, with_code=with_code)
    weakref.finalize(made, shutil.rmtree, copy, ignore_errors=True)
    return made


def _without_code(known: Any, plain: Any) -> tuple[Any, tuple[str, ...]]:
    """The registry with plain views only, and the names of the others."""
    plain.registry_schema_version = known.registry_schema_version
    plain.version_id = known.version_id
    plain.last_updated.CopyFrom(known.last_updated)
    plain.infra.CopyFrom(known.infra)
    plain.projects.extend(known.projects)
    plain.entities.extend(known.entities)
    others = [v.spec.name for v in (*known.on_demand_feature_views, *known.stream_feature_views)]
    for view in known.feature_views:
        spec = view.spec
        kind = spec.batch_source.data_source_class_type
        is_plain = (
            spec.HasField("batch_source")
            and not spec.HasField("feature_transformation")
            and not spec.HasField("stream_source")
            and not spec.source_views
            and (not kind or kind.startswith("feast."))
        )
        if is_plain:
            plain.feature_views.append(view)
        else:
            others.append(spec.name)
    return plain, tuple(others)


def _listed(store: Any, plain: Any) -> list[Any]:
    """Feast's views in the order of the registry."""
    return [store.get_feature_view(view.spec.name) for view in plain.feature_views]


def _view(view: Any, message: Any, keys: dict[str, str]) -> FeastView:
    named = tuple(keys[e] for e in message.spec.entities if e in keys)
    columns = {v: k for k, v in dict(view.batch_source.field_mapping or {}).items()}
    moment = view.batch_source.timestamp_field
    return FeastView(
        name=view.name,
        keys=named,
        types={f.name: f.dtype.to_value_type().name for f in view.features},
        ttl_seconds=view.ttl.total_seconds() if view.ttl else 0.0,
        source=view.batch_source,
        moment_column=columns.get(moment, moment),
        key_columns=tuple(columns.get(k, k) for k in named),
    )
