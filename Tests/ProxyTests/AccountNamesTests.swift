// SPDX-License-Identifier: Apache-2.0
import Testing

@testable import Proxy

struct AccountNamesTests {
    private func name(_ number: Int) -> [UInt8] { Array("user\(number)".utf8) }

    @Test func `names are bounded, the newest stay, and those of open attacks stay as long as they are told`() {
        var names = AccountNames()
        for number in 1...(4 * AccountNames.generation) {
            if names.isFull { names.turn(keeping: [3, 5]) }
            names.insert(name(number), for: UInt64(number))
        }
        #expect(names[3] == name(3) && names[5] == name(5))
        #expect(names[4] == nil)
        #expect(names[UInt64(4 * AccountNames.generation)] == name(4 * AccountNames.generation))
        #expect(names[UInt64(3 * AccountNames.generation)] == name(3 * AccountNames.generation))
    }

    @Test func `an account without a name has none`() {
        var names = AccountNames()
        names.insert(name(1), for: 0)
        #expect(names[0] == nil)
    }
}
