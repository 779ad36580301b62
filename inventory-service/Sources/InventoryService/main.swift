import ServiceKit

await InventoryApp.definition.main()
