//! The reasons for which a host is ejected.

use crate::proto::OutlierStat;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ejection {
    Consecutive5xx = 0,
    ConsecutiveGatewayFailure = 1,
    ConsecutiveLocalOriginFailure = 2,
    SuccessRate = 3,
    SuccessRateLocalOrigin = 4,
    FailurePercentage = 5,
    FailurePercentageLocalOrigin = 6,
}

impl Ejection {
    /// The name in envoy.data.cluster.v3.OutlierEjectionType.
    pub fn name(self) -> &'static str {
        match self {
            Self::Consecutive5xx => "CONSECUTIVE_5XX",
            Self::ConsecutiveGatewayFailure => "CONSECUTIVE_GATEWAY_FAILURE",
            Self::ConsecutiveLocalOriginFailure => "CONSECUTIVE_LOCAL_ORIGIN_FAILURE",
            Self::SuccessRate => "SUCCESS_RATE",
            Self::SuccessRateLocalOrigin => "SUCCESS_RATE_LOCAL_ORIGIN",
            Self::FailurePercentage => "FAILURE_PERCENTAGE",
            Self::FailurePercentageLocalOrigin => "FAILURE_PERCENTAGE_LOCAL_ORIGIN",
        }
    }

    /// Counts that a host deserved it.
    pub fn detected(self) -> OutlierStat {
        use OutlierStat::*;
        match self {
            Self::Consecutive5xx => OutlierEjectionsDetectedConsecutive5xx,
            Self::ConsecutiveGatewayFailure => OutlierEjectionsDetectedConsecutiveGatewayFailure,
            Self::ConsecutiveLocalOriginFailure => {
                OutlierEjectionsDetectedConsecutiveLocalOriginFailure
            }
            Self::SuccessRate => OutlierEjectionsDetectedSuccessRate,
            Self::SuccessRateLocalOrigin => OutlierEjectionsDetectedLocalOriginSuccessRate,
            Self::FailurePercentage => OutlierEjectionsDetectedFailurePercentage,
            Self::FailurePercentageLocalOrigin => {
                OutlierEjectionsDetectedLocalOriginFailurePercentage
            }
        }
    }

    /// Counts that it came to that.
    pub fn enforced(self) -> OutlierStat {
        use OutlierStat::*;
        match self {
            Self::Consecutive5xx => OutlierEjectionsEnforcedConsecutive5xx,
            Self::ConsecutiveGatewayFailure => OutlierEjectionsEnforcedConsecutiveGatewayFailure,
            Self::ConsecutiveLocalOriginFailure => {
                OutlierEjectionsEnforcedConsecutiveLocalOriginFailure
            }
            Self::SuccessRate => OutlierEjectionsEnforcedSuccessRate,
            Self::SuccessRateLocalOrigin => OutlierEjectionsEnforcedLocalOriginSuccessRate,
            Self::FailurePercentage => OutlierEjectionsEnforcedFailurePercentage,
            Self::FailurePercentageLocalOrigin => {
                OutlierEjectionsEnforcedLocalOriginFailurePercentage
            }
        }
    }
}
