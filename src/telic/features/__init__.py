"""What a reward may depend on: named, unit-bearing features of states and actions."""

from .basis import PolynomialBasis, SupportsBasis, TileBasis
from .contract_features import degenerate_features, from_contract
from .expectations import empirical_feature_expectation, feature_expectation, trajectory_features
from .expressions import Expression, compile_expression
from .maps import FeatureMap
from .measured import MeasuredFeatureMap

__all__ = [
    "Expression",
    "FeatureMap",
    "MeasuredFeatureMap",
    "PolynomialBasis",
    "SupportsBasis",
    "TileBasis",
    "compile_expression",
    "degenerate_features",
    "empirical_feature_expectation",
    "feature_expectation",
    "from_contract",
    "trajectory_features",
]
