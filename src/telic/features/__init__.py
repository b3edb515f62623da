"""What a reward may depend on: named, unit-bearing features of states and actions."""

from .basis import PolynomialBasis, SupportsBasis, TileBasis
from .contract_features import degenerate_features, from_contract
from .expectations import empirical_feature_expectation, feature_expectation
from .expressions import Expression, compile_expression
from .maps import Features
from .measured import MeasuredFeatures

__all__ = [
    "Expression",
    "Features",
    "MeasuredFeatures",
    "PolynomialBasis",
    "SupportsBasis",
    "TileBasis",
    "compile_expression",
    "degenerate_features",
    "empirical_feature_expectation",
    "feature_expectation",
    "from_contract",
]
