// SPDX-License-Identifier: Apache-2.0
import Proxy
import Transport
import Wire

/// Numbers for names that counters are kept under: a name keeps its number across reloads, so that counts go on. Shared.
final class SlotRegistry: Sendable {
    private struct Names {
        var services: [String] = [""]
        var rules: [String] = []
    }

    private let names = Guarded(Names())

    /// Slot of a service, from 1; 0 stands for requests without one.
    func service(_ name: String) -> Int {
        names.withLock { names in
            if let slot = names.services.firstIndex(of: name) { return slot }
            names.services.append(name)
            return names.services.count - 1
        }
    }

    func rules(_ identifiers: [String]) -> [Int] {
        names.withLock { names in
            var known = Dictionary(uniqueKeysWithValues: names.rules.enumerated().map { ($1, $0) })
            return identifiers.map { identifier in
                if let slot = known[identifier] { return slot }
                names.rules.append(identifier)
                known[identifier] = names.rules.count - 1
                return names.rules.count - 1
            }
        }
    }

    /// Names in slot order.
    var all: (services: [String], rules: [String]) { names.withLock { ($0.services, $0.rules) } }
}

/// Upstream servers by name: one server keeps its addresses and health across reloads. Shared.
final class EndpointRegistry: Sendable {
    private let endpoints = Guarded<[String: ServerEndpoint]>([:])

    func endpoint(_ name: String, make: () -> ServerEndpoint) -> ServerEndpoint {
        endpoints.withLock { known in
            if let endpoint = known[name] { return endpoint }
            let endpoint = make()
            known[name] = endpoint
            return endpoint
        }
    }

    /// Forgets the servers that no policy names any more.
    func keep(only servers: [ServerEndpoint]) {
        endpoints.withLock { known in known = known.filter { entry in servers.contains { $0 === entry.value } } }
    }

    var all: [ServerEndpoint] { endpoints.withLock { Array($0.values) } }
}
