"""What a reward may depend on: named, unit-bearing features of states and actions."""

from .basis import PolynomialBasis, SupportsBasis, TileBasis
from .contract_features import degenerate_features, from_contract
from .expectations import empirical_feature_expectation, feature_expectation, trajectory_features
from .expressions import Expression, compile_expression
from .maps import FeatureMap
from .measured import MeasuredFeatureMap
from .requests import RequestFeatures, RequestReader
from .scaling import FeatureScaler

__all__ = [
    "Expression",
    "FeatureMap",
    "FeatureScaler",
    "MeasuredFeatureMap",
    "PolynomialBasis",
    "RequestFeatures",
    "RequestReader",
    "SupportsBasis",
    "TileBasis",
    "compile_expression",
    "degenerate_features",
    "empirical_feature_expectation",
    "feature_expectation",
    "from_contract",
    "trajectory_features",
]
