package fleet

import (
	"encoding/binary"
	"encoding/hex"
)

// dice is a splitmix64 stream: small, fast and the same on every machine, so
// that a directory is a pure function of its seed.
type dice uint64

// mix folds values into one well-spread 64-bit number.
func mix(values ...uint64) uint64 {
	h := uint64(0x9e3779b97f4a7c15)
	for _, v := range values {
		h ^= v
		h *= 0xbf58476d1ce4e5b9
		h ^= h >> 29
		h *= 0x94d049bb133111eb
		h ^= h >> 32
	}
	return h
}

func (d *dice) next() uint64 {
	*d += 0x9e3779b97f4a7c15
	z := uint64(*d)
	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9
	z = (z ^ (z >> 27)) * 0x94d049bb133111eb
	return z ^ (z >> 31)
}

// intn returns a number in [0, n).
func (d *dice) intn(n int) int { return int(d.next() % uint64(n)) }

// chance is true in permille of 1000 cases.
func (d *dice) chance(permille int) bool { return d.intn(1000) < permille }

func pick[T any](d *dice, from []T) T { return from[d.intn(len(from))] }

// guid formats two words as a version 4 UUID.
func guid(hi, lo uint64) string {
	var b [16]byte
	binary.BigEndian.PutUint64(b[:8], hi)
	binary.BigEndian.PutUint64(b[8:], lo)
	b[6] = b[6]&0x0f | 0x40
	b[8] = b[8]&0x3f | 0x80
	var out [36]byte
	hex.Encode(out[0:8], b[0:4])
	out[8] = '-'
	hex.Encode(out[9:13], b[4:6])
	out[13] = '-'
	hex.Encode(out[14:18], b[6:8])
	out[18] = '-'
	hex.Encode(out[19:23], b[8:10])
	out[23] = '-'
	hex.Encode(out[24:36], b[10:16])
	return string(out[:])
}

// The number of a user inside the fleet is hidden in the first 48 bits of the
// object id by a keyed Feistel permutation, so that ids look random and are
// found again without an index. 24 bits are the user's slot, 24 the tenant's.
const halfBits = 24

const halfMask = 1<<halfBits - 1

func permute(key, tenant, slot uint64) uint64 {
	l, r := tenant&halfMask, slot&halfMask
	for round := uint64(0); round < 4; round++ {
		l, r = r, l^(mix(key, round, r)&halfMask)
	}
	return l<<halfBits | r
}

func unpermute(key, word uint64) (tenant, slot uint64) {
	l, r := word>>halfBits&halfMask, word&halfMask
	for round := uint64(4); round > 0; round-- {
		l, r = r^(mix(key, round-1, l)&halfMask), l
	}
	return l, r
}

// userID is the object id of a slot.
func (f *Fleet) userID(tenant, slot int) string {
	word := permute(f.idKey, uint64(tenant), uint64(slot))
	rest := mix(f.idKey, 77, word)
	return guid(word<<16|rest>>48, mix(rest))
}

// slotOf is the inverse of userID.
func (f *Fleet) slotOf(tenant int, id string) (int, bool) {
	if len(id) != 36 {
		return 0, false
	}
	raw, err := hex.DecodeString(id[0:8] + id[9:13])
	if err != nil {
		return 0, false
	}
	var word uint64
	for _, b := range raw {
		word = word<<8 | uint64(b)
	}
	t, s := unpermute(f.idKey, word)
	if int(t) != tenant || f.userID(tenant, int(s)) != id {
		return 0, false
	}
	return int(s), true
}
