package bundle

func (s *splitter) entry(isHistory bool) error {
	if c, _ := s.next(); c != '{' {
		return s.pass()
	}

	resources := 0
	err := s.parse(func() {
		s.part = Part{Place: s.n, History: isHistory}
		resources = 0
		s.reader.Object(func(key []byte) {
			switch string(key) {
			case "fullUrl":
				s.part.FullURL = s.url()
			case "request", "response":
				s.transaction()
			case "resource":
				switch s.reader.Kind() {
				case '{':
					resources++
					s.resource(false)
				case 'n': // null is none
				default:
					resources = 2
				}
			}
		})
	})

	switch {
	case err == nil && resources > 1:
		s.broken()
		return nil
	case err == nil && resources == 0 && s.part.Method == "":
		return nil
	case err == nil && s.hasEntries && (s.part.Type == "" || s.part.Type == "Bundle"):
		return s.within(s.part.Data, s.n-1, s.bundles+1)
	}

	return s.found(err)
}

func (s *splitter) url() string {
	s.reader.Garbled = false
	if url := s.reader.String(maxToken); !s.reader.Garbled {
		return url
	}
	return ""
}

func (s *splitter) transaction() {
	r, p := s.reader, &s.part
	r.Object(func(key []byte) {
		switch string(key) {
		case "method":
			p.Method = r.String(maxShared)
		case "url":
			p.URL = r.String(maxToken)
		case "status":
			p.Status = r.String(maxShared)
		case "lastModified":
			p.LastModified = r.String(maxShared)
		case "etag":
			p.ETag = r.String(maxToken)
		}
	})
}
