// SPDX-License-Identifier: Apache-2.0
import Testing

@testable import Admin

struct MetricFamilyTests {
    private func text(_ families: MetricFamily...) -> String {
        String(decoding: MetricFamily.render(families), as: UTF8.self)
    }

    @Test func `a family is a help line, a type line and its samples`() {
        var family = MetricFamily("requests_total", .counter, "Requests.")
        family.add([("service", "sso"), ("verdict", "allow")], 3)
        family.add([], 4)
        #expect(
            text(family)
                == "# HELP requests_total Requests.\n# TYPE requests_total counter\n"
                + "requests_total{service=\"sso\",verdict=\"allow\"} 3\nrequests_total 4\n")
    }

    @Test func `a histogram has its suffixes`() {
        var family = MetricFamily("seconds", .histogram, "Time.")
        family.add([("le", "+Inf")], 2, suffix: "_bucket")
        family.add([], 0.25, suffix: "_sum")
        family.add([], 2, suffix: "_count")
        #expect(text(family).hasSuffix("seconds_bucket{le=\"+Inf\"} 2\nseconds_sum 0.25\nseconds_count 2\n"))
    }

    @Test func `a family without samples still says what it is`() {
        #expect(text(MetricFamily("a", .gauge, "A.")) == "# HELP a A.\n# TYPE a gauge\n")
    }

    @Test(arguments: [
        ("plain", "plain"), ("a\"b", "a\\\"b"), ("a\\b", "a\\\\b"), ("a\nb", "a\\nb"), ("\\\"\n", "\\\\\\\"\\n"),
        ("größe", "größe"), ("{a=\"b\"} 1", "{a=\\\"b\\\"} 1"), ("", ""),
    ])
    func `label values are escaped`(_ value: String, _ written: String) {
        var family = MetricFamily("a", .gauge, "A.")
        family.add([("rule", value)], 1)
        #expect(text(family).hasSuffix("\na{rule=\"\(written)\"} 1\n"))
    }

    @Test func `help is one line`() {
        #expect(text(MetricFamily("a", .gauge, "one\\two\n\"three\"")).hasPrefix("# HELP a one\\\\two\\n\"three\"\n#"))
    }

    @Test(arguments: [
        (0, "0"), (-3, "-3"), (1e14, "100000000000000"), (0.5, "0.5"), (1e18, "1e+18"), (.infinity, "+Inf"),
        (-.infinity, "-Inf"), (.nan, "NaN"),
    ])
    func `numbers are written as Prometheus reads them`(_ value: Double, _ written: String) {
        #expect(text(MetricFamily("a", .gauge, "A.", value: value)).hasSuffix("\na \(written)\n"))
    }
}
