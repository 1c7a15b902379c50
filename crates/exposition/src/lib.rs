//! The metrics page: negotiation, OpenMetrics, text 0.0.4, protobuf, process and build metrics, histograms, bounded label sets.
