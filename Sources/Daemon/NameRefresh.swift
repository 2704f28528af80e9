// SPDX-License-Identifier: Apache-2.0
import Dispatch
import Proxy
import Transport

/// Resolves the names of upstream servers, at the start and every 30 seconds, off the loops. A name that fails keeps its old addresses.
final class NameRefresh: Sendable {
    private static let periodMilliseconds = 30_000

    let endpoints: EndpointRegistry
    private let log: Logs
    private let ticker = Ticker(label: "loginward.names")

    init(endpoints: EndpointRegistry, log: Logs) {
        self.endpoints = endpoints
        self.log = log
    }

    func start() { ticker.start(everyMilliseconds: Self.periodMilliseconds) { [self] in refresh() } }

    func stop() { ticker.stop() }

    /// Asks for every name, or only for those that have no address yet; blocks until they have answered or two seconds have passed.
    func refresh(onlyUnknown: Bool = false) {
        let group = DispatchGroup()
        for endpoint in endpoints.all {
            guard let name = endpoint.resolves, !onlyUnknown || endpoint.addressCount == 0 else { continue }
            group.enter()
            Resolver.resolve(host: name.host, port: name.port) { [log] result in
                switch result {
                case .success(let addresses): endpoint.update(addresses)
                case .failure(let fault): log.fault("resolve", ["name": name.host, "fault": fault.description])
                }
                group.leave()
            }
        }
        _ = group.wait(timeout: .now() + 2)
    }
}
