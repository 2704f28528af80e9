// SPDX-License-Identifier: Apache-2.0
import Logins
import Notify
import Wire

/// What the last login of a name told: the service's own id of the account, and the address. Bounded: of two generations the older goes as a
/// whole. A value.
struct LastLogins {
    private static let generation = 65_536

    private struct Login {
        var id: [UInt8]
        var address: IPAddress
    }

    private var young: [[UInt8]: Login] = [:]
    private var old: [[UInt8]: Login] = [:]

    mutating func take(_ event: LoginEvent) {
        guard event.outcome == .success, event.hasLogin, !event.texts.login.isEmpty else { return }
        let name = event.bytes[event.texts.login.bounds].map { ByteSearch.lowercased($0) }
        if young.count >= LastLogins.generation {
            old = young
            young = [:]
        }
        young[name] = Login(id: Array(event.bytes[event.texts.userID.bounds]), address: event.client)
    }

    func person(_ name: [UInt8]) -> Notice.Person {
        guard let login = young[name] ?? old[name] else { return Notice.Person(login: name) }
        return Notice.Person(login: name, id: login.id, address: "\(login.address)")
    }
}
