import InventoryService
import ServiceKit

await InventoryApp.definition.main()
