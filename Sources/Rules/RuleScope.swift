// SPDX-License-Identifier: Apache-2.0
import Wire

/// Of which requests a rule speaks beside its conditions and services: those of some login routes, or of a share of the clients. Immutable.
struct RuleScope: Sendable {
    /// Numbers of login routes (`ExchangeFacts.route`); nil: every request.
    var routes: [Int]?
    /// Clients of a hundred; always the same ones, at every instance and after every restart.
    var percent: UInt64 = 100
    private let salt: UInt64

    init(rule: [UInt8], routes: [Int]?, percent: Int) {
        self.routes = routes
        self.percent = UInt64(percent)
        var salt: UInt64 = 0xcbf2_9ce4_8422_2325
        for byte in rule { salt = (salt ^ UInt64(byte)) &* 0x0000_0100_0000_01b3 }
        self.salt = salt
    }

    func holds(_ facts: ExchangeFacts) -> Bool {
        if let routes, !routes.contains(facts.route) { return false }
        return percent >= 100 || share(of: facts.client) < percent
    }

    /// 0–99, evenly over addresses, and for each rule apart.
    private func share(of client: IPAddress) -> UInt64 {
        var value = (client.high ^ salt) &* 0xbf58_476d_1ce4_e5b9
        value = (value ^ value >> 29 ^ client.low) &* 0x94d0_49bb_1331_11eb
        value = (value ^ value >> 32) &* 0xd6e8_feb8_6659_fd93
        return (value ^ value >> 29).multipliedFullWidth(by: 100).high
    }
}
