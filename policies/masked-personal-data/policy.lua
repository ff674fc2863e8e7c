-- Personal data by the names it usually has, out of every answer but those of tools that the operator has tagged.

policy "pii/by-name" {
  about  = "A model's context never holds raw personal data",
  on     = "response",
  match  = { methods = { "tools/call", "resources/read", "prompts/get" } },
  unless = { tags = "personal_data" },
  decide = mask {
    fields = {
      ["**.ssn"]            = "drop",
      ["**.tax_id"]         = "drop",
      ["**.date_of_birth"]  = "null",
      ["**.salary"]         = "null",
      ["**.iban"]           = "last4",
      ["**.card_number"]    = "last4",
      ["**.phone"]          = "last4",
    },
  },
}
